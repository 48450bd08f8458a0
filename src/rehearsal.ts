export { type Adapter, type ClientState, loadAdapter } from "./rehearsal/adapter.js";
export {
  CHAOS,
  type Chaos,
  DEFAULTS,
  LOCAL_DEFAULTS,
  type LocalStageOptions,
  type RehearsalOptions,
  type RemoteStageOptions,
} from "./rehearsal/options.js";
export { type Progress, type ReplicaSample, type Sample, STEPS, type Step, silent } from "./rehearsal/progress-port.js";
export type * from "./rehearsal/record.js";
export { rehearse } from "./rehearsal/rehearse.js";
