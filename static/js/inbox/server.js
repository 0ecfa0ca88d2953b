// Acts that are sent without leaving the page.

import { csrf } from "./page.js";

export async function post(address, fields = {}, more = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams({ csrf_token: csrf, ...fields });
  return fetch(address, { method: "POST", body, headers: { "X-Requested-With": "fetch", Accept: "application/json" }, ...more });
}
