import { isUtf8 } from 'node:buffer'
import awsLambdaFastify from '@fastify/aws-lambda'
import type { APIGatewayProxyResult, Context } from 'aws-lambda'
import { Deadline, withinDeadline } from '../platform/deadline.ts'
import type { App } from './app.ts'
import { withGatewayBody } from './http/gateway-body.ts'
import { type GatewayEvent, readGatewayEvent } from './http/gateway-event.ts'
import { type GatewayIds, withGatewayIds } from './http/gateway-ids.ts'

export type { GatewayEvent }

export type GatewayHandler = (event: GatewayEvent, context: Context) => Promise<APIGatewayProxyResult>

/** What an invocation has left when its request is over: 2 s to put in order what was broken off, and as much to answer. */
const RESERVE_MS = 4_000

/** Serves API Gateway's events with the app. */
export function createLambdaHandler(app: App): GatewayHandler {
  const serve: GatewayHandler = awsLambdaFastify(app, {
    // A comma is a character that a file name may have.
    parseCommaSeparatedQueryParams: false,
    // Claims are taken from the token, never from what came with the event.
    decorateRequest: false,
    // An event has its body as a string. Bytes that are not UTF-8 would be lost in it, whatever their content type is.
    enforceBase64: ({ rawPayload }) => !isUtf8(rawPayload),
  })
  return async (given, context) => {
    const event = readGatewayEvent(given)
    const hardAt = performance.now() + Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS)
    const deadline = new Deadline({ quietMs: Number.POSITIVE_INFINITY, hardAt })
    return withinDeadline(deadline, () =>
      withGatewayIds(idsOf(event), () => withGatewayBody(event, () => serve(event, context))),
    )
  }
}

interface EventIds {
  requestId?: string
  extendedRequestId?: string | undefined
}

/** What calls a function by hand, as a test in AWS's console, may leave the ids out. */
function idsOf({ requestContext }: { requestContext?: EventIds }): GatewayIds {
  const { requestId, extendedRequestId } = requestContext ?? {}
  return {
    ...(requestId !== undefined && { gatewayRequestId: requestId }),
    ...(extendedRequestId !== undefined && { gatewayExtendedRequestId: extendedRequestId }),
  }
}
