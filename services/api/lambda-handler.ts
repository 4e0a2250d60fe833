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

/** The time that an invocation has left after its request's deadline: 2 s to clean up after an aborted request, and 2 s to respond. */
const RESERVE_MS = 4_000

/** Creates a Lambda handler that serves API Gateway's events with the app. */
export function createLambdaHandler(app: App): GatewayHandler {
  const serve: GatewayHandler = awsLambdaFastify(app, {
    // A file name in the query may contain a comma.
    parseCommaSeparatedQueryParams: false,
    // The api reads claims from the token, never from the event.
    decorateRequest: false,
    // A response body is a string. Bytes that are not UTF-8 must be base64, whatever their content type.
    enforceBase64: ({ rawPayload }) => !isUtf8(rawPayload),
  })
  return async (given, context) => {
    const event = readGatewayEvent(given)
    const hardAt = performance.now() + Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS)
    const deadline = new Deadline({ idleTimeoutMs: Number.POSITIVE_INFINITY, hardAt })
    return withinDeadline(deadline, () =>
      withGatewayIds(idsOf(event), () => withGatewayBody(event, () => serve(event, context))),
    )
  }
}

interface EventIds {
  requestId?: string
  extendedRequestId?: string | undefined
}

/** Returns the ids in an event. A test event in the AWS console may have none. */
function idsOf({ requestContext }: { requestContext?: EventIds }): GatewayIds {
  const { requestId, extendedRequestId } = requestContext ?? {}
  return {
    ...(requestId !== undefined && { gatewayRequestId: requestId }),
    ...(extendedRequestId !== undefined && { gatewayExtendedRequestId: extendedRequestId }),
  }
}
