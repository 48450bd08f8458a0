export type { Id, Position } from "./protocol/ids.js";
export { isId } from "./protocol/ids.js";
export { SUBPROTOCOL } from "./protocol/messages.js";
