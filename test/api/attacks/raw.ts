import { connect } from 'node:net'

/** A response as it was received. */
export interface RawAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** A request as it is sent: headers in order, with repetitions. */
export interface RawRequest {
  method?: string
  path?: string
  headers?: ReadonlyArray<readonly [name: string, value: string]>
  body?: string | Uint8Array
}

/** Returns the bytes of a request. Adds the Content-Length of the body if the headers have none. */
export function bytesOf({ method = 'GET', path = '/', headers = [], body }: RawRequest): Buffer {
  const has = (...names: string[]) => headers.some(([name]) => names.includes(name.toLowerCase()))
  const content = Buffer.from(body ?? '')
  const lines = [`${method} ${path} HTTP/1.1`]
  if (!has('host')) lines.push('Host: api.example')
  if (!has('connection')) lines.push('Connection: close')
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  if (body !== undefined && !has('content-length', 'transfer-encoding')) lines.push(`Content-Length: ${content.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content])
}

/** Sends bytes, and reads all responses until the server closes the connection. */
export async function exchange(url: string, bytes: Uint8Array): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // The server may reset the connection. The responses before that count.
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.write(bytes)
  await closed
  return answersOf(Buffer.concat(chunks))
}

function answersOf(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) throw new Error(`What came is no answer: ${rest.toString('latin1').slice(0, 200)}`)
    const [start = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1])
    const headers = Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    const content = rest.subarray(end + 4)
    const length = Number(headers['content-length'] ?? (headers['transfer-encoding'] ? content.length : 0))
    if (status !== 100) answers.push({ status, headers, body: content.subarray(0, length).toString() })
    rest = status === 100 ? content : content.subarray(length)
  }
  return answers
}
