export type { BudgetSettings, Plan } from "./drain/budget.js";
export type { Drain } from "./drain/engine.js";
export type { Cause, DrainEvent, DrainOutcome, Receipt } from "./drain/events.js";
export type { Closable, Source } from "./drain/ports.js";
export type { Core as Lastcall } from "./server/core.js";
export type { LastcallOptions } from "./server/options.js";
export { lastcall } from "./server/plugin.js";
export type { Published, Publisher, PublishRequest } from "./server/publisher.js";
