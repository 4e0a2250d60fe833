import type { FastifyReply } from 'fastify'
import type { UploadKey } from '../../uploads/records/store.ts'
import { ProblemError } from '../problems/problem.ts'
import type { Snapshot, Watch } from '../watch/watch.ts'
import { TooManyWatchesError, type Watches } from '../watch/watches.ts'

const detail =
  'Too many requests wait for uploads to change. Wait for fewer uploads at a time, or poll without waiting.'

/**
 * Opens a watch for the duration of a response. The watch is closed with the connection, or as soon as the client has closed its
 * side: that client has disconnected, or gets what is known by then.
 *
 * @throws ProblemError
 */
export function openWatch<T>(
  watches: Watches<T>,
  { key, first, reply }: { key: UploadKey; first: Snapshot<T>; reply: FastifyReply },
): Watch<T> {
  try {
    const watch = watches.open(key, first)
    const { socket } = reply.request.raw
    // A client may have disconnected while the upload was read. Its `close` event will not come again.
    if (reply.raw.closed || socket.readableEnded) {
      watch.close()
      return watch
    }
    const close = () => watch.close()
    socket.once('end', close)
    reply.raw.once('close', () => {
      socket.off('end', close)
      close()
    })
    return watch
  } catch (cause) {
    if (!(cause instanceof TooManyWatchesError)) throw cause
    const slug = cause.of === 'owner' ? 'too-many-watches' : 'watches-exhausted'
    throw new ProblemError(slug, detail, { headers: { 'retry-after': '5' }, cause })
  }
}
