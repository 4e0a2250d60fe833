import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import type { Notification } from '../../../services/uploads/notifications/notification.ts'

export const SECRET = `whsec_${Buffer.alloc(24, 'a').toString('base64')}`
export const NEXT_SECRET = `whsec_${Buffer.alloc(32, 'b').toString('base64')}`

export const notification: Notification = {
  id: 'msg_0123456789abcdef',
  type: 'upload.processed',
  timestamp: '2026-11-30T12:00:00.000Z',
  data: {
    version: '1',
    owner: 'owner-1',
    uploadId: '01930000-0000-7000-8000-000000000000',
    status: 'processed',
    filename: 'grüße.txt',
    contentType: 'text/plain',
    size: 13,
    sha256: '0'.repeat(64),
    uploadedAt: '2026-11-30T11:59:59.000Z',
    bucket: 'headgate-uploads',
    key: 'uploads/owner-1/01930000-0000-7000-8000-000000000000/grüße.txt',
    outputs: [{ name: 'main', contentType: 'text/plain', size: 13, bucket: 'headgate-processed', key: 'processed/x' }],
    transform: { name: 'upper-case', version: '1' },
  },
}

export interface Received {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

export interface Receiver {
  port: number
  url: string
  received: Received[]
  /** Number of connections that were opened so far, and the maximum number that were open at a time. */
  connections: { opened: number; max: number }
}

/** Answers a request whose body was read. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

export const accept: Answer = response => response.writeHead(204).end()

/** Starts a receiver on 127.0.0.1 for the duration of the test. */
export async function startReceiver(
  t: Pick<Test, 'teardown'>,
  answer: Answer = accept,
  tls?: { key: Buffer; cert: Buffer },
): Promise<Receiver> {
  const received: Received[] = []
  const connections = { opened: 0, max: 0 }
  let open = 0
  const listen: RequestListener = async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(chunks).toString(),
    })
    answer(response, request)
  }
  const server = tls ? createTlsServer(tls, listen) : createServer(listen)
  server.on('connection', socket => {
    connections.opened++
    connections.max = Math.max(connections.max, ++open)
    socket.on('close', () => open--)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, received, connections }
}

/** Makes a certificate that signs itself, with openssl. */
export function selfSigned(dir: string, names: string): { key: Buffer; cert: Buffer } {
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')]
  const subject = ['-subj', '/CN=receiver', '-addext', `subjectAltName=${names}`]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
