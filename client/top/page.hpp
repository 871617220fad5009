// What parley-top shows, as lines of plain ASCII: the same for a terminal and for a pipe.
#pragma once

#include "client/top/observation.hpp"

#include <array>
#include <string>
#include <vector>

namespace parley {

class page {
public:
    /// Both must outlive it. Below 100 columns a column goes that would say the same in every line.
    page(const server_description& server, const observation& seen, std::size_t width);

    /// Who the server is, what it does altogether, and a letter for each worker, in at most `letter_rows`
    /// lines.
    [[nodiscard]] std::vector<std::string> head(std::size_t letter_rows) const;

    /// The names of the columns of the list below.
    [[nodiscard]] std::string heading() const;

    /// How many workers are in use: a line each.
    [[nodiscard]] std::size_t size() const { return in_use_.size(); }

    /// From 0.
    [[nodiscard]] std::string line(std::size_t index) const;

private:
    static constexpr std::size_t columns = 12;
    using cells = std::array<std::string, columns>;
    [[nodiscard]] std::string row(const cells& all) const;

    const server_description& server_;
    const observation& seen_;
    std::size_t width_;
    std::vector<const worker_snapshot*> in_use_;
    std::array<int, columns> widths_{5, 1, 3, 3, 5, 5, 5, 5, 5, 5, 5, 0};
};

} // namespace parley
