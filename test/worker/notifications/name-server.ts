import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { Test } from 'tap'
import type { LookupAll } from '../../../services/worker/notifications/address-guard.ts'

const TYPES = { A: 1, AAAA: 28 } as const

export interface NameServer {
  /** Resolves names with this name server only. */
  lookup: LookupAll
  /** Number of queries for IPv4 addresses. */
  queries(): number
}

/**
 * Starts a name server on 127.0.0.1 for the duration of the test.
 *
 * @param addressesOf returns the addresses of a name, for the nth query for its IPv4 addresses, counted from 1
 */
export async function startNameServer(
  t: Pick<Test, 'teardown'>,
  addressesOf: (name: string, nth: number) => readonly string[],
): Promise<NameServer> {
  let queries = 0
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const type = query.readUInt16BE(at + 1)
    if (type === TYPES.A) queries++
    const all = addressesOf(labels.join('.'), queries)
    const found = all.filter(it => TYPES[isIP(it) === 4 ? 'A' : 'AAAA'] === type)
    const header = Buffer.alloc(12)
    header.writeUInt16BE(query.readUInt16BE(0), 0)
    header.writeUInt16BE(0x8180, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(found.length, 6)
    const answers = found.map(it => answer(type, bytesOf(it)))
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...answers]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const resolver = new Resolver({ timeout: 2_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${socket.address().port}`])
  const lookup: LookupAll = (name, _options, callback) => {
    const none = () => []
    Promise.all([resolver.resolve4(name).catch(none), resolver.resolve6(name).catch(none)])
      .then(([four, six]) => [
        ...four.map(address => ({ address, family: 4 })),
        ...six.map(address => ({ address, family: 6 })),
      ])
      .then(addresses => callback(null, addresses))
      .catch((error: NodeJS.ErrnoException) => callback(error, []))
  }
  return { lookup, queries: () => queries }
}

/** Returns a resource record for the name in the question, which nobody may cache. */
function answer(type: number, data: Buffer): Buffer {
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(type, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([record, data])
}

function bytesOf(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [left = '', right = ''] = address.split('::')
  const words = (text: string) => text.split(':').filter(word => word !== '')
  const [before, after] = [words(left), words(right)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return Buffer.from([...before, ...zeros, ...after].map(word => word.padStart(4, '0')).join(''), 'hex')
}
