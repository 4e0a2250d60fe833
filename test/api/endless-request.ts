import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'

export interface EndlessAnswer {
  status: number | undefined
  connection: string | undefined
  body: unknown
  /** Bytes of the body that were written to the socket before the response. */
  sent: number
}

/** Sends an endless body as fast as possible until the response comes. */
export async function sendEndless(
  url: string,
  headers: Record<string, string>,
  head = Buffer.alloc(0),
): Promise<EndlessAnswer> {
  const upload = request(url, { method: 'POST', headers })
  const progress = pump(upload, head)
  const [response] = (await once(upload, 'response')) as [IncomingMessage]
  progress.stop()
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  upload.destroy()
  const { statusCode: status, headers: answered } = response
  return {
    status,
    connection: answered.connection,
    body: JSON.parse(Buffer.concat(chunks).toString()),
    sent: progress.sent(),
  }
}

/** Sends a whole body before it reads the response, like simple clients. */
export async function sendThenRead(url: string, headers: Record<string, string>, bytes: number): Promise<string> {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = Object.entries({ host: hostname, 'content-length': String(bytes), ...headers })
  const head = [`POST ${pathname}${search} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
  socket.write(`${head}\r\n\r\n`)
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.write(Buffer.alloc(bytes, 'x'), error => (error ? reject(error) : resolve()))
  })
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Sends a head and `bytes` of a longer body, and closes the connection. */
export async function sendAndBreakOff(
  url: string,
  { headers, head = Buffer.alloc(0), bytes }: { headers: Record<string, string>; head?: Uint8Array; bytes: number },
): Promise<void> {
  const upload = request(url, { method: 'POST', headers })
  upload.on('error', () => upload.destroy())
  upload.write(head)
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!upload.write(chunk)) await once(upload, 'drain')
  }
  upload.destroy()
}

function pump(upload: ClientRequest, head: Uint8Array) {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let sent = head.length
  let stopped = false
  const write = () => {
    while (!stopped) {
      sent += chunk.length
      if (!upload.write(chunk)) return
    }
  }
  // The server may close the connection during a write.
  upload.on('error', () => {
    stopped = true
  })
  upload.on('drain', write)
  upload.write(head)
  write()
  return {
    sent: () => sent,
    stop: () => {
      stopped = true
    },
  }
}
