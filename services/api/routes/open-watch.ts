import type { FastifyReply } from 'fastify'
import type { UploadKey } from '../../uploads/records/store.ts'
import { ProblemError } from '../problems/problem.ts'
import { TooManyWatchesError } from '../watch/errors.ts'
import type { Sight } from '../watch/snapshot.ts'
import type { Watch } from '../watch/watch.ts'
import type { Watches } from '../watch/watches.ts'

const detail =
  'Too many requests wait for uploads to change. Wait for fewer at a time, or ask now and then without waiting.'

/**
 * Begins to watch an upload for as long as an answer is under way. It ends with the connection, and as soon as the client has closed
 * its side: that client has gone, or is answered with what is known by then.
 *
 * @throws ProblemError
 */
export function openWatch<T>(
  watches: Watches<T>,
  { key, first, reply }: { key: UploadKey; first: Sight<T>; reply: FastifyReply },
): Watch<T> {
  try {
    const watch = watches.open(key, first)
    const { socket } = reply.request.raw
    // Who went while the upload was looked up has closed already, and will not do so again.
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
