import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LastcallError, toError } from "../base/errors.js";

/** Every refusal has this body: a stable `code`, a sentence, and what else is known. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

/** Fastify's own errors, by the contract's codes. */
const CODES: Readonly<Record<string, "invalid_request" | "too_large" | "unsupported_media_type">> = {
  FST_ERR_VALIDATION: "invalid_request",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid_request",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid_request",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_request",
  FST_ERR_CTP_BODY_TOO_LARGE: "too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
};

export function toLastcallError(thrown: unknown): LastcallError {
  if (thrown instanceof LastcallError) return thrown;
  const error = toError(thrown);
  const { code = "", statusCode = 500 } = error as Partial<FastifyError>;
  const known = CODES[code] ?? (statusCode >= 400 && statusCode < 500 ? "invalid_request" : undefined);
  if (known !== undefined) return new LastcallError(known, error.message, { cause: error });
  // What went wrong inside is for the log, not for the caller.
  return new LastcallError("internal", "something went wrong on the server", { cause: error });
}

export function errorBody(error: LastcallError): ErrorBody {
  return { ...error.detail, code: error.code, message: error.message };
}

/** For our own routes, wherever they are. */
export function installErrors(fastify: FastifyInstance): void {
  fastify.setErrorHandler((thrown, request, reply) => answer(toLastcallError(thrown), request, reply));
}

/** For a server that is ours as a whole. */
export function installNotFound(fastify: FastifyInstance): void {
  fastify.setNotFoundHandler((request, reply) => {
    const error = new LastcallError("not_found", `there is no ${request.method} ${request.url.split("?")[0]}`);
    return answer(error, request, reply);
  });
}

function answer(error: LastcallError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === "internal") request.log.error({ err: error.cause ?? error }, "Request failed");
  return reply.code(error.status).send(errorBody(error));
}
