const INTEGER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `48,000` */
export function count(n: number): string {
  return INTEGER.format(n);
}

/** `1 client`, `2 clients` */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Milliseconds in a column that names the unit. */
export function inMs(ms: number): string {
  // Not "-0": a timer may fire a fraction early.
  return count(Math.round(ms) || 0);
}

/** Seconds in a column that names the unit; `0` only where it was nothing. */
export function inSeconds(ms: number): string {
  if (ms === 0) return "0";
  return ms < 10 ? "<0.01" : (ms / 1000).toFixed(2);
}

/** A duration in a sentence: `212 ms`, `4.2 s`, `3 min 20 s`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** A moment of the rehearsal: `12.3 s`, from a minute on `1:02.3`. */
export function moment(ms: number): string {
  const tenths = Math.round(ms / 100);
  const minutes = Math.floor(tenths / 600);
  const seconds = ((tenths % 600) / 10).toFixed(1);
  return minutes === 0 ? `${seconds} s` : `${minutes}:${seconds.padStart(4, "0")}`;
}
