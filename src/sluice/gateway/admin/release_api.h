// The admin API's pages and commands of releases: `/api/v1/releases…`. docs/admin-api.md is the
// reference.
//
// Belongs to the control loop.

#pragma once

#include "sluice/gateway/admin/admin_request.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

inline constexpr std::string_view kReleases = "/api/v1/releases";

// True for the list, and for what lies below it.
[[nodiscard]] bool IsReleasePath(std::string_view path);

// GET: the list; `/NAME`; `/NAME/history`; `/NAME/explain`, with `?key=` for one user.
[[nodiscard]] AdminResponse GetReleases(Gateway& gateway, const AdminRequest& request);

// POST `/NAME/COMMAND`; the body may have `actor`, `reason`, `force` and `if_generation`.
[[nodiscard]] AdminResponse PostRelease(Gateway& gateway, const AdminRequest& request);

}  // namespace sluice::gateway::admin
