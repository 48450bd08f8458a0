/** What a host tells about the network and about being looked at. */
export type HostNews = "wake" | "offline";

/**
 * Where a client hears that it may have been asleep. `wake`: the network is back, or the page is shown again, so that
 * connections may have died unheard. `offline`: the network is gone.
 */
export interface Host {
  /** The returned function ends it. */
  subscribe(listener: (news: HostNews) => void): () => void;
}

/** The part of the platform's `EventTarget` that this file uses. */
interface Target {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** The globals of a browser; a worker has no document, and Node neither. */
export interface Globals {
  readonly addEventListener?: Target["addEventListener"] | undefined;
  readonly removeEventListener?: Target["removeEventListener"] | undefined;
  readonly document?: (Target & { readonly visibilityState: string }) | undefined;
}

declare const addEventListener: Globals["addEventListener"];
declare const removeEventListener: Globals["removeEventListener"];
declare const document: Globals["document"];

const here: Globals = {
  addEventListener: typeof addEventListener === "function" ? addEventListener : undefined,
  removeEventListener: typeof removeEventListener === "function" ? removeEventListener : undefined,
  document: typeof document === "object" ? document : undefined,
};

/** The host as its globals show it: `online`, `pageshow` and a page that becomes visible are `wake`. */
export function hostOf({ addEventListener: add, removeEventListener: remove, document }: Globals = here): Host {
  return {
    subscribe(listener) {
      const wake = () => listener("wake");
      const offline = () => listener("offline");
      const visible = () => {
        if (document?.visibilityState === "visible") wake();
      };
      const heard: readonly (readonly [type: string, listener: () => void])[] = [
        ["online", wake],
        ["pageshow", wake],
        ["offline", offline],
      ];
      for (const [type, tell] of heard) add?.(type, tell);
      document?.addEventListener("visibilitychange", visible);
      return () => {
        for (const [type, tell] of heard) remove?.(type, tell);
        document?.removeEventListener("visibilitychange", visible);
      };
    },
  };
}
