// The list keeps its place: its scroll position is stored for each list of this tab, and the open conversation is visible.

import { list, root } from "./state.js";

const key = `inbox-list${new URL(root.dataset.poll, location.href).search}`;
try { list().scrollTop = Number(sessionStorage.getItem(key)); } catch { /* storage is not allowed */ }
addEventListener("pagehide", () => {
  try { sessionStorage.setItem(key, list().scrollTop); } catch { /* storage is not allowed */ }
});
const row = list().querySelector("[aria-current=page][data-chat]");
if (row) {
  const [box, shown] = [list().getBoundingClientRect(), row.getBoundingClientRect()];
  if (shown.bottom > box.bottom) list().scrollTop += shown.bottom - box.bottom;
  else if (shown.top < box.top) list().scrollTop -= box.top - shown.top;
}
