// POST requests that do not leave the page.

import { csrf } from "./state.js";

export async function post(address, fields = {}, options = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams({ csrf_token: csrf, ...fields });
  return fetch(address, { method: "POST", body, headers: { "X-Requested-With": "fetch", Accept: "application/json" }, ...options });
}
