/** The text protocol's two words of its own; both are refused as data everywhere. */
export const SHUTDOWN = "SHUTDOWN";
export const CLOSE_WORD = "CLOSE";

/** Whether an item's data (JSON text) would be read as one of the protocol's own words. */
export function isReserved(data: string): boolean {
  const value = stringValue(data);
  return value === SHUTDOWN || value === CLOSE_WORD;
}

/** An item's data as the text protocol shows it: a string as it is, anything else as its JSON. */
export function asText(data: string): string {
  return stringValue(data) ?? data;
}

function stringValue(data: string): string | undefined {
  const text = data.trimStart();
  if (!text.startsWith('"')) return undefined;
  return JSON.parse(text) as string;
}
