import Type from "typebox";
import { DEFAULT_STREAM, STREAM_PATTERN } from "../protocol/ids.js";

export const StreamName = Type.String({
  pattern: STREAM_PATTERN,
  default: DEFAULT_STREAM,
  description: "Which stream; made when it is first named.",
});

export const Cursor = Type.String({ description: "An item's id, or `oldest`, or `now`. Items after it are given." });

export const Problem = Type.Object(
  {
    code: Type.String({ description: "Stable; for programs." }),
    message: Type.String({ description: "One sentence; for people." }),
  },
  { additionalProperties: true, description: "Why the request was refused." },
);

export const Checks = Type.Record(Type.String(), Type.String());
