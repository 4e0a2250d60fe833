import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ClamdAddress } from '../../platform/config/scanner.ts'
import { ScannerUnavailableError } from '../errors.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** Maximum length of a reply, in characters. clamd sends one line. */
const MAX_REPLY = 4_096

export interface ClamdConnectionSettings {
  address: ClamdAddress
  /** Maximum time without progress, in milliseconds. */
  timeoutMs: number
  signal: AbortSignal
}

/** A connection to clamd for one command: https://docs.clamav.net/manual/Usage/Scanning.html#clamd */
export class ClamdConnection {
  /** Resolves to the reply without its end. @throws ScannerUnavailableError, and the signal's reason */
  readonly reply: Promise<string>
  readonly #socket: Socket
  #isConnected = false
  #isOver = false

  constructor({ address, timeoutMs, signal }: ClamdConnectionSettings) {
    const name = nameOf(address)
    const socket = connect(address)
    this.#socket = socket
    socket.setTimeout(Math.min(CONNECT_TIMEOUT_MS, timeoutMs))
    socket.once('connect', () => {
      this.#isConnected = true
      socket.setTimeout(timeoutMs)
    })
    this.reply = new Promise((resolve, reject) => {
      let text = ''
      let problem = 'closed the connection without a reply'
      let cause: unknown
      const abort = () => socket.destroy()
      signal.addEventListener('abort', abort, { once: true })
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        const end = text.indexOf('\0')
        if (end < 0 && text.length <= MAX_REPLY) return
        this.#isOver = true
        if (end < 0) problem = 'sent a reply that is too long'
        else resolve(text.slice(0, end))
        socket.destroy()
      })
      socket.on('timeout', () => {
        problem = this.#isConnected ? `made no progress for ${timeoutMs} ms` : 'did not accept the connection in time'
        socket.destroy()
      })
      socket.on('error', error => {
        problem = this.#isConnected ? 'broke the connection' : 'cannot be reached'
        cause = error
      })
      socket.on('close', () => {
        this.#isOver = true
        signal.removeEventListener('abort', abort)
        reject(signal.aborted ? signal.reason : new ScannerUnavailableError(`clamd at ${name} ${problem}.`, { cause }))
      })
      if (signal.aborted) abort()
    })
    // The caller may still be writing when the connection breaks. It awaits the reply then.
    this.reply.catch(() => undefined)
  }

  /** True once there is a reply, or there will be none. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Writes data. Resolves when clamd can take more, or the connection is over. */
  async write(...data: readonly Uint8Array[]): Promise<void> {
    const socket = this.#socket
    // clamd may refuse the rest and close the connection. Node reads the refusal in the next turn of its loop, but loses it if a write fails.
    await nextTurn()
    if (this.#isOver || socket.destroyed) return
    socket.cork()
    let hasRoom = true
    for (const part of data) hasRoom = socket.write(part)
    socket.uncork()
    if (hasRoom) return
    await new Promise<void>(resolve => {
      const end = () => {
        socket.off('drain', end).off('close', end)
        resolve()
      }
      socket.on('drain', end).on('close', end)
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

function nameOf(address: ClamdAddress): string {
  if ('path' in address) return address.path
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
