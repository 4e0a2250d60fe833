import type { MessagePort, Transferable } from 'node:worker_threads'
import { fromWire, toWire, type WireError } from './wire-error.ts'

type Request = 'next' | 'return'
type Reply = { value: unknown } | { done: true } | { error: WireError }

/** A value as it crosses to another thread, and what of it is handed over instead of copied. */
export interface Packed {
  value: unknown
  transfer: Transferable[]
}

/** The other end of a port is gone before it said that it had ended. */
export class PortClosedError extends Error {
  override readonly name = 'PortClosedError'
}

/**
 * Gives an iterable out by a port, a value for each that is asked for: so the reader's pace is kept across threads. Resolves
 * once it has ended, failed, or is wanted no more; an error of it goes to the reader.
 */
export function serveIterable<T>(
  port: MessagePort,
  iterable: AsyncIterable<T>,
  pack: (value: T) => Packed,
): Promise<void> {
  const iterator = iterable[Symbol.asyncIterator]()
  let turn = Promise.resolve()

  return new Promise(resolve => {
    const over = () => {
      port.close()
      resolve()
    }
    const reply = (message: Reply, transfer: Transferable[] = []) => port.postMessage(message, transfer)

    async function next(): Promise<void> {
      try {
        const step = await iterator.next()
        if (step.done) {
          reply({ done: true })
          return over()
        }
        const { value, transfer } = pack(step.value)
        reply({ value }, transfer)
      } catch (error) {
        reply({ error: toWire(error) })
        over()
      }
    }

    async function end(): Promise<void> {
      // What it still throws has nobody left to tell.
      await iterator.return?.().catch(() => undefined)
      over()
    }

    port.on('message', (request: Request) => {
      turn = turn.then(request === 'next' ? next : end)
    })
    // Not after what is under way: the reader is gone, and what is under way may hang.
    port.once('close', () => {
      iterator.return?.().catch(() => undefined)
      resolve()
    })
  })
}

/**
 * Reads what the other end of a port serves.
 *
 * @param ahead whether one value is asked for ahead, where nothing depends on when it is
 * @throws what the iterable threw, and PortClosedError when the other end is gone
 */
export async function* readRemote<T>(port: MessagePort, ahead: boolean): AsyncGenerator<T> {
  const replies: Reply[] = []
  let wake: (() => void) | undefined
  let isClosed = false
  port.on('message', (reply: Reply) => {
    replies.push(reply)
    wake?.()
  })
  port.once('close', () => {
    isClosed = true
    wake?.()
  })
  const ask = (request: Request) => port.postMessage(request)
  try {
    ask('next')
    while (true) {
      while (replies.length === 0) {
        if (isClosed) throw new PortClosedError('The other thread has ended.')
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      const reply = replies.shift() as Reply
      if ('done' in reply) return
      if ('error' in reply) throw fromWire(reply.error)
      if (ahead) ask('next')
      yield reply.value as T
      if (!ahead) ask('next')
    }
  } finally {
    ask('return')
    port.close()
  }
}

/** Bytes are handed over, not copied by the port: it would copy all of the memory that they are a part of. */
export function packBytes(bytes: Uint8Array): Packed {
  const own = new Uint8Array(bytes)
  return { value: own, transfer: [own.buffer] }
}
