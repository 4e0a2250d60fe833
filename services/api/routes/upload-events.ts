import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { UploadStore } from '../../uploads/records/store.ts'
import { problemResponses } from '../problems/problem.ts'
import { EVENT_STREAM, eventSnapshot, eventStream } from '../watch/event-stream.ts'
import type { Watches } from '../watch/watches.ts'
import { openWatch } from './open-watch.ts'
import { COMMON_PROBLEMS, idParams, nothing, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { toSight, type Upload, uploadIdOf } from './upload-view.ts'

/** Under the 60 s after which load balancers, and the 65 s after which this server, give a silent connection up. */
const HEARTBEAT_MS = 15_000

const RETRY_MS = 2_000

/** Behind API Gateway each time is paid for. */
const BUFFERED_RETRY_MS = 5_000

/** A stream outlives the check of its token. After so long the client comes again, with a token that is good then. */
const LONGEST_MS = 600_000

const schema = {
  operationId: 'uploadEvents',
  tags: ['uploads'],
  summary: 'Hear what becomes of an upload',
  description:
    'Server-sent events: `upload` with the upload as its data, at once and whenever it has changed; `deleted`. The stream ends after `processed`, `failed` or `deleted`, and every ten minutes: the client comes again with `Last-Event-ID`, and misses nothing. Behind API Gateway an answer leaves whole: it has the state as it is, and the client comes again every five seconds.',
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
    204: nothing('There is nothing to come after `Last-Event-ID`: do not come again.'),
    ...problemResponses('not-found', 'too-many-watches', 'watches-exhausted', ...COMMON_PROBLEMS),
  },
}

export interface UploadEventsOptions {
  store: Pick<UploadStore, 'get'>
  watches: Watches<Upload>
  /** Answers leave whole, as behind API Gateway. */
  isBuffered: boolean
}

export const uploadEvents: FastifyPluginAsyncTypebox<UploadEventsOptions> = async (app, options) => {
  const { store, watches, isBuffered } = options

  app.get('/uploads/:id/events', { schema, config: { access: 'read' } }, async (request, reply) => {
    const key = { owner: request.owner, uploadId: uploadIdOf(request.params.id) }
    const lastSeen = request.headers['last-event-id']
    const record = await store.get(key)
    if (!record) throw noSuchUpload()
    const first = toSight(record)

    reply.header('cache-control', 'no-store')
    if (first.isFinal && first.tag === lastSeen) return reply.code(204).send()

    // Proxies that gather an answer before they pass it on would hold every event back.
    reply.type(EVENT_STREAM).header('x-accel-buffering', 'no')
    if (request.method === 'HEAD') return reply.send('')
    if (isBuffered) return reply.send(eventSnapshot(first, { lastSeen, retryMs: BUFFERED_RETRY_MS }))

    const watch = openWatch(watches, { key, first, reply })
    const timer = setTimeout(() => watch.close(), LONGEST_MS)
    if (reply.raw.closed) clearTimeout(timer)
    else reply.raw.once('close', () => clearTimeout(timer))
    const events = eventStream(watch, { lastSeen, heartbeatMs: HEARTBEAT_MS, retryMs: RETRY_MS })
    // Its connection ends with it: kept open, it would hold a stop of the process up.
    return reply.header('connection', 'close').send(Readable.from(events, { objectMode: false }))
  })
}
