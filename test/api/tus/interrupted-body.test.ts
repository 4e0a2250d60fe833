import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { createBodyRateGuard } from '../../../services/api/http/min-body-rate.ts'
import { readTusBody } from '../../../services/api/tus/request-body.ts'

t.test('bytes that arrived before the connection was closed are kept, also if the reader was waiting', async t => {
  const server = createServer()
  const arrived = new Promise<Buffer>((resolve, reject) => {
    server.once('request', async request => {
      try {
        const { bytes } = readTusBody(request, createBodyRateGuard({ minBytesPerSecond: 0, graceMs: 1 }))
        const { value } = await bytes.next()
        // A reader waits like this for memory, or for S3. The rest of the body and the end of the connection arrive in the meantime.
        await new Promise(resolve => request.once('close', resolve))
        resolve(Buffer.concat([value ?? Buffer.alloc(0), await buffer(bytes)]))
      } catch (error) {
        reject(error)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())

  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const request = once(server, 'request')
  socket.write('PATCH / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\nfirst ')
  await request
  socket.end('second')
  t.equal((await arrived).toString(), 'first second')
})
