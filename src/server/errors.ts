import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LastcallError, toError } from "../base/errors.js";

/** Seconds after which a client that was refused may come again: by then it is sent to another pod. */
export const RETRY_AFTER_SECONDS = "1";

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

function errorBody(error: LastcallError): ErrorBody {
  return { ...error.detail, code: error.code, message: error.message };
}

/** For our own routes, wherever they are. */
export function installErrors(fastify: FastifyInstance): void {
  fastify.setErrorHandler((thrown, request, reply) => answer(toLastcallError(thrown), request, reply));
}

/** For a server that is ours as a whole; its routes are all without parameters. */
export function installNotFound(fastify: FastifyInstance): void {
  fastify.setNotFoundHandler((request, reply) => {
    const [url = ""] = request.url.split("?");
    const allowed = fastify.supportedMethods.filter((method) => fastify.hasRoute({ method, url }));
    if (allowed.length === 0) {
      return answer(new LastcallError("not_found", `there is no ${request.method} ${url}`), request, reply);
    }
    // RFC 9110 section 15.5.6: what is allowed has to be said.
    reply.header("allow", allowed.join(", "));
    const error = new LastcallError("method_not_allowed", `${url} is not for ${request.method}`, {
      detail: { allowed },
    });
    return answer(error, request, reply);
  });
}

/** For what never became a request: not HTTP, no WebSocket handshake, too large, too slow. */
export function rejectRaw(socket: Duplex, status: number, error: LastcallError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.once("finish", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Node's own errors about a request it could not read (`clientError`), by the status that tells them best. */
export function rejectUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  const statuses: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
  const status = statuses[error.code ?? ""] ?? 400;
  rejectRaw(socket, status, new LastcallError("invalid_request", `this request could not be read: ${error.message}`));
}

export function answer(error: LastcallError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === "internal") request.log.error({ err: error.cause ?? error }, "Request failed");
  if (error.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply.code(error.status).send(errorBody(error));
}
