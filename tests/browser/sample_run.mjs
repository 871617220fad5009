// Writes the folder of a run that never was, with figures by a formula: the same on every machine, however busy.
// usage: node sample_run.mjs FOLDER
import { mkdirSync, writeFileSync } from "node:fs";

const folder = process.argv[2];
const rounds = 4;

const servers = {
  // requests per second of one connection, and at most; memory of a connection; CPU of a request
  iterative: { each: 7500, most: 9000, kib: 0, cpu: 30, served: 1 },
  thread: { each: 8000, most: 60_000, kib: 14, cpu: 45 },
  epoll: { each: 7000, most: 80_000, kib: 6, cpu: 20 },
};
const workloads = [
  { id: "cpu", question: "cpu", name: "Requests that compute", service: "pi", connections: 8 },
  { id: "short", question: "short", name: "One request per connection", connections: 50, per_connection: 1 },
  ...[1, 10, 100].map((connections) => ({
    id: `levels-${connections}`,
    question: "levels",
    name: "Long-lived connections",
    connections,
  })),
  ...["echo", "hello"].map((service) => ({
    id: `services-${service}`,
    question: "services",
    name: "Small services",
    service,
    connections: 50,
  })),
  {
    id: "stevens",
    question: "stevens",
    name: "Stevens' client",
    connections: 5,
    size: 4000,
    per_connection: 1,
  },
].map((load) => ({ service: "echo", size: 64, per_connection: 0, duration_ms: 300, rounds, ...load }));

function cell(load, name, round) {
  const { each, most, kib, cpu, served } = servers[name];
  const all = load.per_connection ? load.connections : Math.min(served ?? load.connections, load.connections);
  const rate = Math.min(each * all, most) * (1 + 0.01 * round);
  const p50 = (1000 * all) / rate;
  const requests = Math.round(rate);
  return {
    round,
    workload: load.id,
    contender: name,
    problem: null,
    left_cleanly: true,
    start_ms: 4 + round / 10,
    stop_ms: 3,
    server: {
      cpu_user_us: (cpu * requests) / 2,
      cpu_system_us: (cpu * requests) / 2 + round,
      voluntary_switches: requests,
      involuntary_switches: 100 * round,
      page_faults: 500 + requests,
      requests,
      connections: all,
      pss_at_rest_kib: 1500,
      pss_kib: 1500 + kib * all + round,
      processes: 1,
    },
    workers: [
      [all, requests],
      [all, requests / 2],
    ],
    load: {
      schema: "parley-load/1",
      ok: true,
      complaints: [],
      rate,
      latency_ms: { p50, p90: p50 * 2, p99: p50 * 5, "p99.9": p50 * 9 },
      latency_distribution: [
        [10, p50 * 0.7],
        [50, p50],
        [90, p50 * 2],
        [99, p50 * 5],
      ],
      all_requests: requests,
      connected: all,
      served: all,
      cpu: { per_request_us: 4 },
      errors: [],
      verdict: { valid: true, reasons: [] },
    },
    open: [0.5, 0.8].map((share) => ({
      share,
      load: {
        schema: "parley-load/1",
        ok: true,
        complaints: [],
        rate: rate * share,
        latency_ms: { p50, p99: p50 * 3 },
        all_requests: requests,
        connected: all,
        served: all,
        cpu: { per_request_us: 4 },
        errors: [],
      },
    })),
  };
}

const plan = {
  begun: "2026-03-01 12:00",
  machine: {
    processor: "none",
    cores: 2,
    virtual: true,
    memory_mib: 4096,
    kernel: "Linux",
    governor: "",
    descriptors: 1024,
    load_average: 0.5,
  },
  name: "sample",
  rounds,
  seed: 1,
  server_cores: [0, 1],
  load_cores: [0, 1],
  contenders: Object.keys(servers).map((name) => ({ name, model: name })),
  workloads,
};
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/plan.json`, JSON.stringify(plan));
const cells = workloads.flatMap((load) =>
  Object.keys(servers).flatMap((name) => Array.from({ length: rounds }, (_, i) => cell(load, name, i + 1))),
);
writeFileSync(`${folder}/cells.jsonl`, cells.map((one) => JSON.stringify(one) + "\n").join(""));
