import { Redis } from "ioredis";

const CHANNEL = "items";

/** What several replicas share, as it is usually done: each publishes to a Redis channel, and each hears it. */
export interface Bus {
  publish(item: string): Promise<void>;
  close(): Promise<void>;
}

/** Settles when the channel is heard. */
export async function openBus(url: string, onItem: (item: string) => void): Promise<Bus> {
  const publisher = new Redis(url);
  // A connection that subscribes can do nothing else.
  const subscriber = publisher.duplicate();
  subscriber.on("message", (_channel, item) => onItem(item));
  await subscriber.subscribe(CHANNEL);
  return {
    publish: async (item) => void (await publisher.publish(CHANNEL, item)),
    close: async () => void (await Promise.all([publisher.quit(), subscriber.quit()])),
  };
}
