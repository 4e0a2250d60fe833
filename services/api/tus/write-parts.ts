import type { Hash } from 'node:crypto'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import type { PartBuffers, PartRoom } from '../../platform/s3/part-buffers.ts'
import type { TusArrival } from '../../uploads/pending/pending.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import type { CleanUp } from '../pending/end-pending.ts'
import type { Checksum } from './checksum.ts'
import { UploadLockedError } from './errors.ts'
import type { HeldUpload } from './lock.ts'
import { offsetOf } from './offset.ts'
import { growRoom, takeRoom } from './part-room.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

/** Parts on their way to S3 at a time. With the one that fills they are what is in memory: one more breaks the bound of 64 MiB. */
const SENDING = 1

export interface WritePartsSettings {
  parts: S3Parts
  buffers: PartBuffers
  digests: RunningDigests
  /** Removes what was written for an upload that was ended meanwhile. */
  cleanUpIfEnded: CleanUp
  /** How fast the body comes. */
  pace: BodyPace | undefined
  log: Pick<Logger, 'warn'>
}

/**
 * Writes the body of one request into an upload: whole parts to S3, and what fills none into an object of its own. What
 * counts as arrived is what is in the record, and that is written after S3 has the bytes. Resolves to the new offset.
 *
 * A body that ends early has arrived as far as it came. One with a checksum arrives whole or not at all.
 *
 * @throws ChecksumMismatchError, UploadLockedError, and what S3 says
 */
export async function writeParts(
  upload: HeldUpload,
  body: AsyncIterable<Uint8Array>,
  { parts, buffers, digests, cleanUpIfEnded, pace, log }: WritePartsSettings,
  checksum?: Checksum,
): Promise<number> {
  const first = upload.record
  const { size, uploadId } = first
  const { partBytes, tail } = first.arrival
  const start = offsetOf(first)
  const hash: Hash | undefined = digests.at(uploadId, start)
  const sending: Array<Promise<string>> = []
  let arrival: TusArrival = first.arrival
  /** What is being filled, where there is anything of it. */
  let part: PartRoom | undefined
  let received = 0

  /** For the next part: no larger than what can still come. Waits where others have all the memory there is. */
  function nextRoom(atOnce = 0): Promise<PartRoom> {
    const before = arrival.etags.length + sending.length
    return takeRoom(buffers, {
      bytes: Math.min(partBytes, size - before * partBytes),
      atOnce,
      whose: first.owner,
      pace,
      goesOn: before > first.arrival.etags.length,
      signal: upload.release,
    })
  }

  /** Waits until S3 has the oldest part. */
  async function settleOldest(): Promise<void> {
    const oldest = sending.shift()
    if (!oldest) return
    const { tail: _full, ...rest } = arrival
    arrival = { ...rest, etags: [...arrival.etags, await oldest] }
    // Not where the checksum may yet be wrong: then none of it has arrived.
    if (!checksum) upload.note(arrival)
  }

  /** Records what has arrived. A request that has lost its lock may have written for an upload that is no more. */
  async function record(state: TusArrival): Promise<void> {
    try {
      await upload.write(state)
    } catch (error) {
      if (error instanceof UploadLockedError) {
        await cleanUpIfEnded({ ...first, arrival }).catch((err: unknown) => {
          log.warn({ err, uploadId }, 'what was written for an upload that has ended is left to the sweep')
        })
      }
      throw error
    }
  }

  async function sendPart(room: PartRoom): Promise<void> {
    part = undefined
    try {
      while (sending.length >= SENDING) await settleOldest()
      if (arrival.multipartId === undefined) {
        arrival = { ...arrival, multipartId: await parts.start(first) }
        // Written down before it is used: what is not could never be ended.
        const { multipartId } = arrival
        if (multipartId !== undefined) await record({ ...first.arrival, multipartId })
      }
    } catch (error) {
      room.give()
      throw error
    }
    const partNumber = arrival.etags.length + sending.length + 1
    const sent = parts.put(first, arrival.multipartId ?? '', partNumber, room.filled()).finally(room.give)
    // A failure is met when its turn comes, and must not count as unhandled until then.
    sent.catch(() => undefined)
    sending.push(sent)
  }

  async function take(chunk: Uint8Array): Promise<void> {
    received += chunk.byteLength
    if (start + received > size) throw new PayloadTooLargeError('The rest of the file', size - start)
    hash?.update(chunk)
    checksum?.take(chunk)
    for (let at = 0; at < chunk.byteLength; ) {
      part ??= await nextRoom()
      at = part.add(chunk, at)
      const isLast = start + received === size && at === chunk.byteLength
      if (part.isFull) {
        if (!(isLast && arrival.multipartId === undefined && sending.length === 0)) await sendPart(part)
      } else if (at < chunk.byteLength) await growRoom(part)
    }
  }

  /** What fills no part: the end of the file, or the beginning of what comes with the next request. */
  async function putRest(): Promise<void> {
    if (!part) return
    const bytes = part.filled()
    if (start + received === size) {
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

  /** What went wrong is told; what arrived before it need not come again. */
  async function salvage(): Promise<void> {
    await Promise.allSettled(sending)
    digests.drop(uploadId)
    if (checksum || arrival === first.arrival) return
    await record(arrival).catch((err: unknown) => {
      log.warn({ err, uploadId }, 'what arrived could not be written down, and has to come again')
    })
  }

  try {
    if (tail) {
      // Room first: what is read without it would be memory that nobody counts.
      part = await nextRoom(tail.bytes)
      let read = 0
      for await (const chunk of await parts.getTail(first)) {
        read += chunk.byteLength
        if (read <= tail.bytes) part.add(chunk, 0)
      }
      if (read !== tail.bytes) throw new TypeError('The beginning of a part is not as it was written down.')
    }
    for await (const chunk of body) await take(chunk)
    while (sending.length > 0) await settleOldest()
    checksum?.verify()
    if (received > 0) await putRest()
  } catch (error) {
    await salvage()
    throw error
  } finally {
    part?.give()
  }
  if (received === 0) return start
  await record(arrival)
  if (hash) digests.keep(uploadId, start + received, hash)
  if (tail && arrival.tail?.key !== tail.key) {
    await parts.deleteTail(first, tail.key).catch((err: unknown) => {
      log.warn({ err, key: tail.key }, 'the beginning of a part stays behind')
    })
  }
  return start + received
}
