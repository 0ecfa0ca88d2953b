// The list keeps its place: its scroll position is stored for each list of this tab, and the open conversation is visible.

import { list, root } from "./state.js";
import { stored } from "./tab.js";

const key = `list${new URL(root.dataset.poll, location.href).search}`;
list().scrollTop = Number(stored.get(key));
addEventListener("pagehide", () => stored.set(key, String(list().scrollTop)));
const row = list().querySelector("[aria-current=page][data-chat]");
if (row) {
  const [box, shown] = [list().getBoundingClientRect(), row.getBoundingClientRect()];
  if (shown.bottom > box.bottom) list().scrollTop += shown.bottom - box.bottom;
  else if (shown.top < box.top) list().scrollTop -= box.top - shown.top;
}
