import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { Readable } from "node:stream";
import type { Receipt } from "../../src/drain/events.js";

/** How a container ended, as its kubelet tells it. */
export interface Ending {
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, … */
  readonly reason?: string;
  /** The termination message. */
  readonly message?: string;
}

/** A pod's endings are in its status only, which goes with the pod: they have to be watched. */
export class Endings {
  readonly #kubectl: ChildProcess;
  /** By container. */
  readonly #seen = new Map<string, Ending>();
  readonly #more = new EventEmitter();
  #text = "";

  /** `kubectl`: a `kubectl get pods --watch -o json` that runs. */
  constructor(kubectl: ChildProcess & { readonly stdout: Readable }) {
    this.#kubectl = kubectl;
    kubectl.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
      this.#take();
    });
  }

  /** Those that were seen; waits until there are so many. */
  async atLeast(count: number): Promise<readonly Ending[]> {
    while (this.#seen.size < count) await once(this.#more, "more");
    return [...this.#seen.values()];
  }

  async close(): Promise<void> {
    const over = once(this.#kubectl, "close");
    if (this.#kubectl.kill()) await over;
  }

  /** kubectl writes one indented object after the other. */
  #take(): void {
    for (let end = this.#text.indexOf("\n}\n"); end >= 0; end = this.#text.indexOf("\n}\n")) {
      const pod: Pod = JSON.parse(this.#text.slice(0, end + 2));
      this.#text = this.#text.slice(end + 3);
      for (const { state, lastState } of pod.status.containerStatuses ?? []) {
        for (const { terminated } of [state, lastState]) {
          if (terminated !== undefined) this.#seen.set(terminated.containerID, terminated);
        }
      }
    }
    this.#more.emit("more");
  }
}

interface Pod {
  readonly status: {
    readonly containerStatuses?: readonly { readonly state: ContainerState; readonly lastState: ContainerState }[];
  };
}

interface ContainerState {
  readonly terminated?: Ending & { readonly containerID: string };
}

export function receiptOf({ message = "" }: Ending): Receipt {
  return JSON.parse(message);
}
