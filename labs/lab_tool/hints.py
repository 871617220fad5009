"""What a failure usually means, and what to read: the hints that several labs need. A lab adds its own in checks.py."""

HINTS = {
    "does-not-build": {
        "en": "The compiler's first error counts; later ones often follow from it.",
        "zh": "先看编译器报的第一个错误；后面的错误常常由它引起。",
        "read": "the output of the compiler, from its first line with 'error:'",
    },
    "not-ready": {
        "en": "The program ended, or never said that it is ready. Its own message says where it stopped.",
        "zh": "程序结束了，或者一直没有报告自己已就绪。看它自己的错误信息，就知道停在哪一步。",
        "read": "the handout, step 1",
    },
    "not-flushed": {
        "en": "The program listens, but its ready line has not arrived. Standard output to a file or a pipe is buffered: "
              "call fflush(stdout) (std::flush) after the line.",
        "zh": "程序已经在监听，但就绪行没有到。标准输出写到文件或管道时带缓冲：打印这一行之后要调用 fflush(stdout)（或 std::flush）。",
        "read": "man 3 setbuf; man 3 fflush",
    },
    "crash": {
        "en": "The program was ended by a signal: it crashed. SIGSEGV is a wrong address, SIGABRT an exception that was not "
              "caught, or a failed assertion.",
        "zh": "程序被信号终止，也就是崩溃了。SIGSEGV 是访问了错误的地址；SIGABRT 是没有捕获的异常，或断言失败。",
        "read": "man 7 signal; run it under gdb, or with -fsanitize=address",
    },
    "sigpipe": {
        "en": "SIGPIPE ended the program: it sent to a connection that the peer had closed. Pass MSG_NOSIGNAL to send(2), "
              "and treat its error EPIPE as the end of this client.",
        "zh": "程序被 SIGPIPE 终止：它向对方已经关闭的连接发送了数据。给 send(2) 传 MSG_NOSIGNAL，并把错误 EPIPE 当作这个客户的结束。",
        "read": "man 2 send, MSG_NOSIGNAL and EPIPE; man 7 pipe",
    },
    "busy-loop": {
        "en": "The program uses the CPU without end: a loop repeats a call that returns at once, as recv(2) does at the end "
              "of input (it returns 0).",
        "zh": "程序不停地占用 CPU：循环里的调用总是立即返回，例如输入结束后的 recv(2)（返回 0）。",
        "read": "man 2 recv, RETURN VALUE",
    },
    "hangs": {
        "en": "The program waits for something that does not come.",
        "zh": "程序在等待一件不会发生的事。",
        "read": "cat /proc/PID/stack as root, or strace -p PID: in which call does it wait",
    },
    "too-much-output": {
        "en": "The program printed more than it may (SIGXFSZ): probably the same line in a loop.",
        "zh": "程序的输出超过了上限（SIGXFSZ）：多半是在循环里反复打印同一行。",
        "read": "man 2 setrlimit, RLIMIT_FSIZE",
    },
}

# A program that was ended by one of these signals has this hint, unless the check has a better one.
OF_SIGNALS = {"SIGPIPE": "sigpipe", "SIGXCPU": "busy-loop", "SIGXFSZ": "too-much-output", "SIGSEGV": "crash", "SIGABRT": "crash",
              "SIGBUS": "crash", "SIGFPE": "crash", "SIGILL": "crash"}
