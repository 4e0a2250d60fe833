import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Fault } from '../fault-proxy.ts'
import { type Exchange, lost } from './exchange.ts'

/** No fault: for a fault that delays or holds a request and then lets it through. */
export const pass: Fault = exchange => exchange.pass()

/** Answers in the server's place, which hears nothing of the request. */
export function answer(status: number, headers: Record<string, string>, body: string): Fault {
  return exchange => exchange.answer(status, headers, body)
}

/** Resets the connection before the server hears of the request. */
export const reset: Fault = exchange => exchange.reset()

/** Lets the server do what is asked, and loses the reply to it. */
export const loseReply: Fault = async exchange => {
  const reply = await exchange.forward()
  await finished(reply.resume()).catch(lost)
  exchange.cut()
}

/** Lets the server do what is asked, keeps the reply to it, and leaves the connection open for as long as the client does. */
export const keepReply: Fault = async exchange => {
  const reply = await exchange.forward()
  await finished(reply.resume()).catch(lost)
  await silence(exchange)
}

/** Lets the head and so many bytes of the reply's body through, and then loses the rest. */
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

/** Waits so many milliseconds, then does what comes next. */
export function delay(ms: number, next: Fault = pass): Fault {
  return async exchange => {
    await wait(ms, undefined, { signal: exchange.signal })
    await next(exchange)
  }
}

/** Holds requests back until the test lets them go, then does what comes next. */
export function hold(until: Promise<unknown>, next: Fault = pass): Fault {
  return async exchange => {
    if (!exchange.signal.aborted) await Promise.race([until, once(exchange.signal, 'abort')])
    if (!exchange.signal.aborted) await next(exchange)
  }
}

/** Takes requests and says nothing more, for as long as the client or the test stays. */
export const silence: Fault = async exchange => {
  if (!exchange.signal.aborted) await once(exchange.signal, 'abort')
}
