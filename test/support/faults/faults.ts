import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Fault } from '../fault-proxy.ts'
import { type Exchange, lost } from './exchange.ts'

/** No fault: forwards the request. Used after a fault that delays or holds it. */
export const pass: Fault = exchange => exchange.pass()

/** Responds instead of the server, which does not get the request. */
export function answer(status: number, headers: Record<string, string>, body: string): Fault {
  return exchange => exchange.answer(status, headers, body)
}

/** Resets the connection before the server gets the request. */
export const reset: Fault = exchange => exchange.reset()

/** Lets the server handle the request, and drops the response. */
export const loseReply: Fault = async exchange => {
  const reply = await exchange.forward()
  await finished(reply.resume()).catch(lost)
  exchange.cut()
}

/**
 * Lets the server handle the request, withholds the response, and keeps the connection open until the client closes it.
 */
export const keepReply: Fault = async exchange => {
  const reply = await exchange.forward()
  await finished(reply.resume()).catch(lost)
  await silence(exchange)
}

/** Relays the head and this many bytes of the response's body, and drops the rest. */
export function cutReplyAfter(bytes: number): Fault {
  return async exchange => {
    const reply = await exchange.forward()
    exchange.response.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
    await writeFirst(bytes, reply, exchange).catch(lost)
    exchange.cut()
  }
}

async function writeFirst(bytes: number, reply: AsyncIterable<Buffer>, { response }: Exchange): Promise<void> {
  let left = bytes
  for await (const chunk of reply) {
    const part = chunk.subarray(0, left)
    left -= part.byteLength
    await new Promise<void>((resolve, reject) => response.write(part, error => (error ? reject(error) : resolve())))
    if (left === 0) return
  }
}

/** Waits this many milliseconds, then runs the next fault. */
export function delay(ms: number, next: Fault = pass): Fault {
  return async exchange => {
    await wait(ms, undefined, { signal: exchange.signal })
    await next(exchange)
  }
}

/** Holds requests until the test releases them, then runs the next fault. */
export function hold(until: Promise<unknown>, next: Fault = pass): Fault {
  return async exchange => {
    if (!exchange.signal.aborted) await Promise.race([until, once(exchange.signal, 'abort')])
    if (!exchange.signal.aborted) await next(exchange)
  }
}

/** Accepts requests and never responds, until the client disconnects or the test ends. */
export const silence: Fault = async exchange => {
  if (!exchange.signal.aborted) await once(exchange.signal, 'abort')
}
