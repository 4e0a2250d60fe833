import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Backend } from '../backend.ts'
import { problemResponses } from '../problems/problem.ts'
import { EVENT_STREAM, eventSnapshot, eventStream } from '../watch/event-stream.ts'
import type { Watches } from '../watch/watches.ts'
import { openWatch } from './open-watch.ts'
import { COMMON_PROBLEMS, emptyResponse, idParams, security } from './schemas.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'
import { toSnapshot, type Upload } from './upload-view.ts'

/** Shorter than the 60 s after which load balancers, and the 65 s after which this server, close a silent connection. */
const HEARTBEAT_MS = 15_000

const RETRY_MS = 2_000

/** Longer, because every reconnect behind API Gateway costs money. */
const BUFFERED_RETRY_MS = 5_000

/** Maximum duration of a stream, in milliseconds. Then the client reconnects, and its token is verified again. */
const MAX_STREAM_MS = 600_000

const schema = {
  operationId: 'followUpload',
  tags: ['uploads'],
  summary: 'Follow an upload by server-sent events',
  description:
    'The event `upload` has the upload as its data. It is sent at once and after every change. The event `deleted` means that the upload was deleted. The stream ends after `processed`, `failed`, `quarantined` or `deleted`, and after ten minutes: the client then reconnects with `Last-Event-ID` and misses no state. Behind API Gateway a response can not be streamed: it has the current state, and the client reconnects every five seconds.',
  security,
  params: idParams,
  headers: Type.Object({
    'last-event-id': Type.Optional(Type.String({ description: 'The `id` of the last event that was received.' })),
  }),
  response: {
    200: {
      description: 'The events.',
      content: { [EVENT_STREAM]: { schema: Type.Unsafe<string | Readable>({ type: 'string' }) } },
    },
    204: emptyResponse('No event will follow `Last-Event-ID`: do not reconnect.'),
    ...problemResponses('not-found', 'too-many-watches', 'watches-exhausted', ...COMMON_PROBLEMS),
  },
}

export interface UploadEventsOptions {
  backend: () => Pick<Backend, 'store'>
  watches: Watches<Upload>
  /** True if a response is sent as a whole, as behind API Gateway. */
  isBuffered: boolean
}

export const uploadEvents: FastifyPluginAsyncTypebox<UploadEventsOptions> = async (app, options) => {
  const { backend, watches, isBuffered } = options

  app.get('/uploads/:id/events', { schema, config: { access: 'read' } }, async (request, reply) => {
    const key = { owner: request.owner, uploadId: uploadIdOf(request.params.id) }
    const lastSeen = request.headers['last-event-id']
    const record = await backend().store.get(key)
    if (!record) throw noSuchUpload()
    const first = toSnapshot(record)

    reply.header('cache-control', 'no-store')
    if (first.isFinal && first.tag === lastSeen) return reply.code(204).send()

    // A proxy that buffers responses would hold back every event.
    reply.type(EVENT_STREAM).header('x-accel-buffering', 'no')
    if (request.method === 'HEAD') return reply.send('')
    if (isBuffered) return reply.send(eventSnapshot(first, { lastSeen, retryMs: BUFFERED_RETRY_MS }))

    const watch = openWatch(watches, { key, first, reply })
    const timer = setTimeout(() => watch.close(), MAX_STREAM_MS)
    if (reply.raw.closed) clearTimeout(timer)
    else reply.raw.once('close', () => clearTimeout(timer))
    const events = eventStream(watch, { lastSeen, heartbeatMs: HEARTBEAT_MS, retryMs: RETRY_MS })
    // The connection is closed with the stream, because an open connection would delay a stop of the process.
    return reply.header('connection', 'close').send(Readable.from(events, { objectMode: false }))
  })
}
