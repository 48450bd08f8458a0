import { LastcallError } from "../base/errors.js";
import type { Context } from "./context.js";
import { LocalStage } from "./local-stage.js";
import type { RehearsalOptions } from "./options.js";
import { RemoteStage } from "./remote-stage.js";
import type { Stage } from "./stage.js";

/** With connections that die unheard the replicas' own pulse is quick, so that it does not take minutes to notice. */
const PULSE = { HEARTBEAT_SECONDS: "2", PING_INTERVAL_SECONDS: "2" };

/**
 * The stage that the options ask for.
 * @throws LastcallError `invalid_request`: chaos among replicas that are not ours; times that leave nothing for a drain
 */
export async function openStage(context: Context, { stage, chaos }: RehearsalOptions): Promise<Stage> {
  if (stage.type === "local") {
    const env = chaos.includes("half-open") ? { ...PULSE, ...stage.env } : stage.env;
    return await LocalStage.open(context, { ...stage, env });
  }
  const ours = chaos.filter((kind) => kind !== "slow-client");
  if (ours.length === 0) return new RemoteStage(context, stage);
  throw new LastcallError("invalid_request", `chaos ${ours.join(", ")}: needs replicas of its own, and --url has none`);
}
