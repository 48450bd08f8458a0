import type { News } from "../news.js";

const ITEMS_SHOWN = 12;

let last = 0;
let faults = 0;
let count = 0;

/** Puts it on the page, for whoever looks at a picture of it. */
export function show(news: News): void {
  if (news.type === "item") {
    const n = Number.parseInt(news.id, 10);
    if (last > 0 && n !== last + 1) faults += 1;
    last = n;
    count += 1;
    set("count", `${count} items, the last is ${news.id}`);
    set("order", faults === 0 ? "none missing, repeated or out of order" : `${faults} FAULTS`);
    list("items", `${news.id}  ${JSON.stringify(news.data)}`);
  } else if (news.type === "status") {
    const { type, ...more } = news.status;
    set("status", type);
    list("log", `${type} ${JSON.stringify(more)}`);
  } else {
    if (news.type === "event") set("status", ["connecting", "open", "closed"][news.readyState] ?? "?");
    list("log", news.type === "event" ? `${news.name} ${news.data ?? ""}` : news.name);
  }
}

function set(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element !== null) element.textContent = text;
}

function list(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element === null) return;
  const line = document.createElement("li");
  line.textContent = text;
  element.prepend(line);
  while (element.children.length > ITEMS_SHOWN) element.lastElementChild?.remove();
}
