// Page of parley-top, as lines of plain ASCII: the same for a terminal and for a pipe.
#pragma once

#include "client/top/observation.hpp"

#include <array>
#include <string>
#include <vector>

namespace parley {

class page {
public:
    /// Both arguments must outlive the page. If `width` is below 100, the column of processes or threads is
    /// left out if all its values follow from the others.
    page(const server_description& server, const observation& observation, std::size_t width);

    /// Returns the description of the server, its totals, and a letter per worker in at most `letter_rows`
    /// lines.
    [[nodiscard]] std::vector<std::string> head(std::size_t letter_rows) const;

    /// Returns the heading of the list of workers.
    [[nodiscard]] std::string heading() const;

    /// Returns the number of lines of that list: one per worker in use.
    [[nodiscard]] std::size_t size() const { return in_use_.size(); }

    /// Returns a line of that list; `index` counts from 0.
    [[nodiscard]] std::string line(std::size_t index) const;

private:
    static constexpr std::size_t columns = 12;
    using cells = std::array<std::string, columns>;
    [[nodiscard]] std::string row(const cells& values) const;

    const server_description& server_;
    const parley::observation& observation_;
    std::size_t width_;
    std::vector<const worker_snapshot*> in_use_;
    std::array<int, columns> widths_{5, 1, 3, 3, 5, 5, 5, 5, 5, 5, 5, 0};
};

} // namespace parley
