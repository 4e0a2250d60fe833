import type { Hash } from 'node:crypto'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import type { PartBuffers, PartRoom } from '../../platform/s3/part-buffers.ts'
import type { TusArrival } from '../../uploads/pending/pending.ts'
import { PayloadTooLargeError, type SizeLimit } from '../ingest/errors.ts'
import type { CleanUp } from '../pending/end-pending.ts'
import type { Checksum } from './checksum.ts'
import { UploadLockedError } from './errors.ts'
import type { HeldUpload } from './lock.ts'
import { offsetOf } from './offset.ts'
import { growRoom, takeRoom } from './part-room.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

/**
 * Maximum number of parts that are sent to S3 concurrently. Another part fills in the meantime. More would exceed the 64 MiB
 * per upload.
 */
const MAX_SENDING_PARTS = 1

export interface WritePartsDeps {
  parts: S3Parts
  buffers: PartBuffers
  digests: RunningDigests
  /** Removes what was written for an upload that was ended in the meantime. */
  cleanUpIfEnded: CleanUp
}

/** The body of one request. */
export interface PartsBody {
  bytes: AsyncIterable<Uint8Array>
  /** Measures how fast the body arrives. */
  pace: BodyPace | undefined
  checksum: Checksum | undefined
  /** They bound an upload whose length is not known yet. */
  limits: SizeLimit
}

/**
 * Writes the body of one request into an upload. Full parts are sent to S3, and the remaining bytes are stored as an object of
 * their own, the tail. Bytes count as arrived once they are in the record, which is written after S3 has them. Resolves to the
 * new offset.
 *
 * If a body ends early, its bytes up to that point have arrived. If it has a checksum, either all of its bytes arrive or none.
 *
 * @throws ChecksumMismatchError, UploadLockedError, and the errors of S3
 */
export async function writeParts(
  { parts, buffers, digests, cleanUpIfEnded }: WritePartsDeps,
  upload: HeldUpload,
  { bytes: body, pace, checksum, limits: { maxBytes, rule } }: PartsBody,
  log: Pick<Logger, 'warn'>,
): Promise<number> {
  const first = upload.record
  const { uploadId } = first
  const isDeferred = first.arrival.length === 'deferred'
  const limit = isDeferred ? maxBytes : first.size
  const { partBytes, tail } = first.arrival
  const start = offsetOf(first)
  const hash: Hash | undefined = digests.at(uploadId, start)
  const sending: Array<Promise<string>> = []
  let arrival: TusArrival = first.arrival
  /** The part that is being filled. */
  let part: PartRoom | undefined
  let received = 0

  /** True once the last byte of the file has been received. */
  const isEnd = () => !isDeferred && start + received === limit

  /** Takes memory for the next part, no more than can still arrive. Waits if other uploads use all the memory. */
  function nextRoom(minBytes = 0): Promise<PartRoom> {
    const before = arrival.etags.length + sending.length
    return takeRoom(buffers, {
      // Only the last part of a file may be smaller, and without the length nobody knows which one that is.
      bytes: isDeferred ? partBytes : Math.min(partBytes, limit - before * partBytes),
      minBytes,
      owner: first.owner,
      pace,
      isContinuing: before > first.arrival.etags.length,
      signal: upload.release,
    })
  }

  /** Waits until S3 has the oldest part. */
  async function settleOldest(): Promise<void> {
    const oldest = sending.shift()
    if (!oldest) return
    const { tail: _full, ...rest } = arrival
    arrival = { ...rest, etags: [...arrival.etags, await oldest] }
    // A body with a checksum has arrived only once the checksum is verified.
    if (!checksum) upload.note(arrival)
  }

  /** Records what has arrived. If the request has lost its lock, the upload may have been ended, and its bytes must be removed. */
  async function record(state: TusArrival): Promise<void> {
    try {
      await upload.write(state)
    } catch (error) {
      if (error instanceof UploadLockedError) {
        await cleanUpIfEnded({ ...first, arrival }).catch((err: unknown) => {
          log.warn({ err, uploadId }, 'the bytes of an ended upload could not be removed: the sweep will remove them')
        })
      }
      throw error
    }
  }

  async function sendPart(room: PartRoom): Promise<void> {
    part = undefined
    try {
      while (sending.length >= MAX_SENDING_PARTS) await settleOldest()
      if (arrival.multipartId === undefined) {
        arrival = { ...arrival, multipartId: await parts.start(first) }
        // The id is recorded before it is used. A multipart upload whose id is unknown could never be aborted.
        const { multipartId } = arrival
        if (multipartId !== undefined) await record({ ...first.arrival, multipartId })
      }
    } catch (error) {
      room.release()
      throw error
    }
    const partNumber = arrival.etags.length + sending.length + 1
    const sent = parts.put(first, arrival.multipartId ?? '', partNumber, room.filled()).finally(room.release)
    // `settleOldest` awaits the part later. Until then a failure must not count as unhandled.
    sent.catch(() => undefined)
    sending.push(sent)
  }

  async function take(chunk: Uint8Array): Promise<void> {
    received += chunk.byteLength
    if (start + received > limit)
      throw new PayloadTooLargeError('The rest of the file', {
        maxBytes: limit - start,
        rule: isDeferred ? rule : undefined,
      })
    hash?.update(chunk)
    checksum?.add(chunk)
    for (let at = 0; at < chunk.byteLength; ) {
      part ??= await nextRoom()
      at = part.add(chunk, at)
      const isLast = isEnd() && at === chunk.byteLength
      if (part.isFull) {
        if (!(isLast && arrival.multipartId === undefined && sending.length === 0)) await sendPart(part)
      } else if (at < chunk.byteLength) await growRoom(part)
    }
  }

  /** Stores the bytes that do not fill a part: the end of the file, or a tail that the next request continues. */
  async function putRemainder(): Promise<void> {
    if (!part) return
    const bytes = part.filled()
    if (isEnd()) {
      if (arrival.multipartId === undefined) {
        await parts.putWhole(first, bytes)
        const { tail: _stored, ...rest } = arrival
        arrival = { ...rest, wholeObject: true }
      } else {
        await sendPart(part)
        await settleOldest()
      }
    } else {
      const key = await parts.putTail(first, start + received, bytes)
      arrival = { ...arrival, tail: { key, bytes: bytes.length } }
    }
  }

  /** Records what arrived before an error, so the client need not send it again. */
  async function saveProgress(): Promise<void> {
    await Promise.allSettled(sending)
    digests.drop(uploadId)
    if (checksum || arrival === first.arrival) return
    await record(arrival).catch((err: unknown) => {
      log.warn({ err, uploadId }, 'the bytes that arrived could not be recorded: the client has to send them again')
    })
  }

  try {
    if (tail) {
      // Memory is taken before the tail is read, because all memory for parts is counted.
      part = await nextRoom(tail.bytes)
      let read = 0
      for await (const chunk of await parts.getTail(first)) {
        read += chunk.byteLength
        if (read <= tail.bytes) part.add(chunk, 0)
      }
      if (read !== tail.bytes) throw new TypeError('The size of the tail object differs from the one in the record.')
    }
    for await (const chunk of body) await take(chunk)
    while (sending.length > 0) await settleOldest()
    checksum?.verify()
    if (received > 0) await putRemainder()
  } catch (error) {
    await saveProgress()
    throw error
  } finally {
    part?.release()
  }
  if (received === 0) return start
  await record(arrival)
  if (hash) digests.keep(uploadId, start + received, hash)
  if (tail && arrival.tail?.key !== tail.key) {
    await parts.deleteTail(first, tail.key).catch((err: unknown) => {
      log.warn({ err, key: tail.key }, 'the tail object of an upload could not be deleted')
    })
  }
  return start + received
}
