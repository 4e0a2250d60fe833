import type { ClamdAddress } from '../../platform/config/scanner.ts'
import type { Logger } from '../../platform/log.ts'
import { ScanLimitError, ScannerUnavailableError } from '../errors.ts'
import { DestinationBreaker } from '../notifications/breaker.ts'
import { ClamdConnection } from './clamd-connection.ts'
import type { ContentScanner, Verdict } from './scanner.ts'

export interface ClamdSettings {
  address: ClamdAddress
  /** Maximum time without progress, in milliseconds. */
  timeoutMs: number
  maxConnections: number
  maxBytes: number
  log: Pick<Logger, 'info' | 'warn'>
}

/** The longest name of a signature that is recorded. */
const MAX_SIGNATURE = 200

/** clamd reports under these names that it did not scan all of a file, if its setting AlertExceedsMax is on. */
const LIMIT = /^Heuristics\.Limits\.Exceeded\.?(\w*)/

/**
 * Scans files by the command INSTREAM of clamd, with a connection for each file. While clamd fails again and again, a breaker lets only
 * a probe through from time to time, so that no scan waits for its time-out.
 */
export function createClamd({ address, timeoutMs, maxConnections, maxBytes, log }: ClamdSettings): ContentScanner {
  const breaker = new DestinationBreaker({
    onOpen: () => log.warn('clamd fails: uploads wait until it works again'),
    onClose: () => log.info('clamd works again'),
  })

  async function runInstream(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const connection = new ClamdConnection({ address, timeoutMs, signal })
    try {
      await connection.write(Buffer.from('zINSTREAM\0'))
      for await (const chunk of content) {
        if (connection.isOver) break
        // A chunk without bytes would end the stream.
        if (chunk.byteLength > 0) await connection.write(lengthOf(chunk.byteLength), chunk)
      }
      await connection.write(lengthOf(0))
      return await connection.reply
    } finally {
      connection.close()
    }
  }

  return {
    name: 'clamd',
    maxConnections,
    maxBytes,
    async scan(content, signal) {
      if (!breaker.enter()) throw new ScannerUnavailableError('clamd fails again and again, and is tried again later.')
      try {
        const verdict = verdictOf(await runInstream(content, signal))
        breaker.succeeded()
        return verdict
      } catch (error) {
        if (error instanceof ScannerUnavailableError) breaker.failed()
        else if (error instanceof ScanLimitError) breaker.succeeded()
        else breaker.cutOff()
        throw error
      }
    },
    async check(signal) {
      const connection = new ClamdConnection({ address, timeoutMs, signal })
      try {
        await connection.write(Buffer.from('zPING\0'))
        const reply = await connection.reply
        if (reply !== 'PONG') throw new ScannerUnavailableError(`clamd replied "${shown(reply)}" to PING.`)
      } finally {
        connection.close()
      }
    },
  }
}

/** @throws ScanLimitError, ScannerUnavailableError */
function verdictOf(reply: string): Verdict {
  if (reply === 'stream: OK') return { verdict: 'clean' }
  const [, name] = /^stream: (.+) FOUND$/s.exec(reply) ?? []
  if (name !== undefined) {
    const limit = LIMIT.exec(name)?.[1]
    if (limit === undefined) return { verdict: 'infected', signature: shown(name) }
    throw new ScanLimitError(`The file could not be scanned completely: it exceeds ${limit || 'a limit'} of clamd.`)
  }
  if (reply.startsWith('INSTREAM size limit exceeded')) {
    throw new ScanLimitError('The file is too large to be scanned: it exceeds StreamMaxLength of clamd.')
  }
  throw new ScannerUnavailableError(`clamd could not scan the file. It replied "${shown(reply)}".`)
}

/** Returns text of clamd with printable ASCII characters only, and of bounded length. */
function shown(text: string): string {
  return text.slice(0, MAX_SIGNATURE).replace(/[^\x20-\x7e]/g, '?')
}

function lengthOf(bytes: number): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return length
}
