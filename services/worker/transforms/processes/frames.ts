import { HeadgateError } from '../../../platform/errors.ts'

/** The parts of a message between two processes. */
export interface Frame {
  /** The port that the frame belongs to. */
  readonly port: number
  readonly kind: FrameKind
  readonly payload: Buffer
}

const KINDS = ['ready', 'start', 'abort', 'ended', 'fatal', 'next', 'return', 'value', 'done', 'error'] as const

export type FrameKind = (typeof KINDS)[number]

/** Maximum payload, in bytes. Content is cut into much smaller pieces. */
export const MAX_PAYLOAD = 1024 ** 2

/** Length of the payload (4 bytes), port (4 bytes), kind (1 byte). */
const HEAD = 9

/** The other process wrote an invalid frame. Nothing after it can be read. */
export class FrameError extends HeadgateError {
  readonly code = 'HEADGATE_FRAME'
}

/** @throws FrameError for a payload that is too large */
export function encodeFrame({ port, kind, payload }: Frame): [head: Buffer, payload: Buffer] {
  if (payload.byteLength > MAX_PAYLOAD) {
    throw new FrameError(`A frame of ${payload.byteLength} bytes exceeds the maximum of ${MAX_PAYLOAD} bytes.`)
  }
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32BE(payload.byteLength, 0)
  head.writeUInt32BE(port, 4)
  head.writeUInt8(KINDS.indexOf(kind), 8)
  return [head, payload]
}

/**
 * Returns a function that takes bytes as they arrive and returns the frames that are complete.
 *
 * @throws FrameError from the returned function, for an invalid frame
 */
export function createFrameDecoder(): (bytes: Buffer) => Frame[] {
  let held: Buffer[] = []
  let heldBytes = 0
  /** Bytes that must have arrived before a head or a whole frame can be read. */
  let needed = HEAD

  return bytes => {
    held.push(bytes)
    heldBytes += bytes.byteLength
    // Joined only when enough bytes are there, because a frame in many pieces would be copied each time.
    if (heldBytes < needed) return []
    let rest = held.length === 1 ? bytes : Buffer.concat(held)
    const frames: Frame[] = []
    needed = HEAD
    while (rest.byteLength >= HEAD) {
      const length = rest.readUInt32BE(0)
      const kind = KINDS[rest.readUInt8(8)]
      if (kind === undefined || length > MAX_PAYLOAD) throw new FrameError('The other process sent an invalid frame.')
      if (rest.byteLength < HEAD + length) {
        needed = HEAD + length
        break
      }
      frames.push({ port: rest.readUInt32BE(4), kind, payload: rest.subarray(HEAD, HEAD + length) })
      rest = rest.subarray(HEAD + length)
    }
    held = rest.byteLength > 0 ? [rest] : []
    heldBytes = rest.byteLength
    return frames
  }
}
