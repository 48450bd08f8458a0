import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { build, stop } from "esbuild";
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import type { Status } from "../../src/client.js";
import { ROOT } from "../support/service.js";
import { Watch } from "../support/watch.js";
import type { News } from "./news.js";

const FOLDER = join(ROOT, "test/browser/page");

/** The page, in a tab, and what it has told. */
export class TestPage {
  readonly items: Extract<News, { type: "item" }>[] = [];
  readonly statuses: Status[] = [];
  readonly events: Extract<News, { type: "event" }>[] = [];
  readonly host: string[] = [];
  readonly tab: Page;
  readonly #cdp: CDPSession;
  readonly #watch = new Watch();

  /**
   * Opens it as if `server` served it, so that it is of the same origin as what it reads. Only the page and its script
   * are answered here: everything else goes where the URL says.
   */
  static async open(t: TestContext, context: BrowserContext, server: URL, query: string): Promise<TestPage> {
    const tab = await context.newPage();
    const page = new TestPage(tab, await context.newCDPSession(tab));
    // A test that waits for the page hears that there is none.
    t.after(() => page.#watch.end(() => "the test is over"));
    tab.on("pageerror", (error) => page.#watch.end(() => `error in the page: ${error.stack}`));
    tab.on("crash", () => page.#watch.end(() => "the tab crashed"));
    await tab.exposeFunction("hear", (news: News) => page.#hear(news));
    const html = await readFile(join(FOLDER, "page.html"));
    const js = await script();
    const url = new URL(`/page.html?${query}`, server).href;
    await tab.route(url, (route) => route.fulfill({ contentType: "text/html", body: html }));
    await tab.route(new URL("/page.js", server).href, (route) =>
      route.fulfill({ contentType: "text/javascript", body: js }),
    );
    await tab.goto(url);
    return page;
  }

  private constructor(tab: Page, cdp: CDPSession) {
    this.tab = tab;
    this.#cdp = cdp;
  }

  /** What `look` finds in what was told, as soon as it finds something. */
  until<T>(look: () => T | undefined): Promise<T> {
    return this.#watch.until(look);
  }

  item(data: unknown): Promise<unknown> {
    return this.until(() => this.items.find((item) => item.data === data));
  }

  /** The first status with this type, and more if need be, from the `from`-th on. */
  status<T extends Status["type"]>(
    type: T,
    also: (status: Extract<Status, { type: T }>) => boolean = () => true,
    from = 0,
  ): Promise<Extract<Status, { type: T }>> {
    const is = (status: Status): status is Extract<Status, { type: T }> => status.type === type;
    return this.until(() => this.statuses.slice(from).filter(is).find(also));
  }

  /** The tab is told by the browser that it is hidden, shown, frozen, resumed; or of the network. */
  told(name: string, from = 0): Promise<string> {
    return this.until(() => this.host.slice(from).find((told) => told === name));
  }

  /** As when the browser saves power: nothing in a hidden tab runs, until it is unfrozen. */
  async freeze(frozen: boolean): Promise<void> {
    await this.#cdp.send("Page.setWebLifecycleState", { state: frozen ? "frozen" : "active" });
  }

  publish(data: unknown): Promise<string | undefined> {
    return this.tab.evaluate(async (sent) => {
      const { publish } = globalThis as { publish?: (data: unknown) => Promise<string> };
      return publish?.(sent);
    }, data);
  }

  #hear(news: News): void {
    if (news.type === "item") this.items.push(news);
    else if (news.type === "status") this.statuses.push(news.status);
    else if (news.type === "event") this.events.push(news);
    else this.host.push(news.name);
    this.#watch.changed();
  }
}

let bundled: string | undefined;

/** The page's script with lastcall/client in it. For browsers: whatever of Node were in it would fail the bundling. */
async function script(): Promise<string> {
  if (bundled !== undefined) return bundled;
  try {
    const { outputFiles } = await build({
      absWorkingDir: ROOT,
      entryPoints: [join(FOLDER, "page.ts")],
      bundle: true,
      write: false,
      platform: "browser",
      format: "esm",
      target: "es2022",
      logLevel: "warning",
    });
    const [file] = outputFiles;
    if (file === undefined) throw new Error("esbuild made nothing");
    bundled = file.text;
    return bundled;
  } finally {
    // Its helper process would stay.
    await stop();
  }
}
