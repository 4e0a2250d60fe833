import t from 'tap'
import type { ClamdAddress } from '../../../services/platform/config/scanner.ts'
import { ScanLimitError, ScannerUnavailableError } from '../../../services/worker/errors.ts'
import { createClamd } from '../../../services/worker/scanning/clamd.ts'
import { createMemoryLog } from '../memory-log.ts'
import { EICAR, EICAR_NAME, startClamd, startClamdDouble, withoutClamd } from './clamd-server.ts'

const going = new AbortController().signal

function clamdAt(address: ClamdAddress, change: { timeoutMs?: number } = {}) {
  const { log, lines } = createMemoryLog()
  return { ...createClamd({ address, timeoutMs: 20_000, maxConnections: 4, maxBytes: 1e9, log, ...change }), lines }
}

async function* chunks(...parts: ReadonlyArray<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

async function* zeros(megabytes: number): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < megabytes * 16; count++) yield Buffer.alloc(65_536)
}

t.test('a real clamd', { skip: withoutClamd, timeout: 120_000 }, async t => {
  const server = await startClamd(t, ['StreamMaxLength 2M', 'AlertExceedsMax yes', 'MaxFileSize 1M'])

  t.test('finds the EICAR test file, by TCP and by a socket, and passes another file', async t => {
    for (const address of [server.tcp, server.socket]) {
      const clamd = clamdAt(address)
      t.strictSame(await clamd.scan(chunks(EICAR), going), { verdict: 'infected', signature: EICAR_NAME })
      t.strictSame(await clamd.scan(chunks('hello'), going), { verdict: 'clean' })
      t.strictSame(await clamd.scan(chunks(), going), { verdict: 'clean' }, 'an empty file')
      await clamd.check(going)
    }
  })

  t.test('finds the EICAR test file whose chunks are split anywhere, also by a chunk without bytes', async t => {
    const parts = [EICAR.slice(0, 1), '', EICAR.slice(1, 40), EICAR.slice(40)]
    t.match(await clamdAt(server.tcp).scan(chunks(...parts), going), { verdict: 'infected' })
  })

  t.test('refuses a file beyond StreamMaxLength, and the rest of the file is not read', async t => {
    const clamd = clamdAt(server.tcp)
    let error: unknown
    // clamd closes the connection without reading the rest, which can hide its reply. Such an attempt is retried.
    for (let tries = 0; tries < 20 && !(error instanceof ScanLimitError); tries++) {
      error = await clamd.scan(zeros(64), going).catch((thrown: unknown) => thrown)
    }
    t.match(error, { code: 'HEADGATE_SCAN_LIMIT', message: /StreamMaxLength of clamd/ })
  })

  t.test('does not pass a file that it scanned in part only', async t => {
    await t.rejects(clamdAt(server.tcp).scan(zeros(1.5), going), {
      code: 'HEADGATE_SCAN_LIMIT',
      message: 'The file could not be scanned completely: it exceeds MaxFileSize of clamd.',
    })
  })
})

t.test('an error that clamd reports says nothing about the file', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address)
  for (const reply of ["stream: Can't allocate memory ERROR", 'UNKNOWN COMMAND', 'OK', 'stream: OK FOUND it', '']) {
    double.behave({ reply: () => reply })
    await t.rejects(clamd.scan(chunks('hello'), going), { code: 'HEADGATE_SCANNER_UNAVAILABLE' }, reply)
    // Another test is about the breaker.
    double.behave({ reply: () => 'stream: OK' })
    t.strictSame(await clamd.scan(chunks('hello'), going), { verdict: 'clean' })
  }
})

t.test('a clamd that hangs, dies or refuses connections fails the scan in time', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address, { timeoutMs: 300 })
  double.behave({ onConnection: socket => socket.resume() })
  await t.rejects(clamd.scan(chunks('hello'), going), {
    code: 'HEADGATE_SCANNER_UNAVAILABLE',
    message: /made no progress for 300 ms/,
  })
  double.behave({ onConnection: socket => socket.pause() })
  await t.rejects(clamd.scan(zeros(64), going), { message: /made no progress/ }, 'it reads nothing')
  double.behave({ onConnection: socket => socket.once('data', () => socket.destroy()) })
  await t.rejects(clamd.scan(zeros(64), going), { code: 'HEADGATE_SCANNER_UNAVAILABLE' }, 'in the middle of a file')
  double.behave({ onConnection: socket => socket.once('data', () => socket.end('stream: ')) })
  await t.rejects(clamd.scan(chunks('a'), going), { message: /without a reply/ }, 'in the middle of a reply')
  await double.stop()
  await t.rejects(clamd.scan(chunks('hello'), going), { message: /cannot be reached/, cause: { code: 'ECONNREFUSED' } })
})

t.test('after five failures a breaker refuses scans at once, and closes when a probe succeeds', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address)
  double.behave({ reply: () => 'out of order ERROR' })
  for (let count = 0; count < 5; count++) await t.rejects(clamd.scan(chunks('a'), going), ScannerUnavailableError)
  const before = double.connections()
  await t.rejects(clamd.scan(chunks('a'), going), { message: /again and again/ })
  t.equal(double.connections(), before, 'clamd got no connection')
  t.match(clamd.lines, [{ level: 'warn', msg: /^clamd fails/ }])
})

t.test('a scan that is aborted closes its connection, and does not count as a failure', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address)
  const abort = new AbortController()
  const closed = Promise.withResolvers<void>()
  double.behave({
    onConnection(socket) {
      socket.once('close', () => closed.resolve())
      socket.once('data', () => abort.abort(new Error('The lease is lost.')))
    },
  })
  await t.rejects(clamd.scan(zeros(64), abort.signal), { message: 'The lease is lost.' })
  await closed.promise
  t.strictSame(clamd.lines, [])
})

t.test('an error of reading the file is thrown as it is, and clamd gets no end of the file', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address)
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hello')
    throw new Error('S3 has closed the connection.')
  }
  await t.rejects(clamd.scan(broken(), going), { message: 'S3 has closed the connection.' })
  t.strictSame(double.files, [])
})

t.test('no more of a file is read than clamd takes', async t => {
  const double = await startClamdDouble(t)
  const clamd = clamdAt(double.address, { timeoutMs: 500 })
  let read = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of zeros(64)) {
      read += chunk.byteLength
      yield chunk
    }
  }
  double.behave({ onConnection: socket => socket.pause() })
  await t.rejects(clamd.scan(counted(), going), ScannerUnavailableError)
  t.ok(read < 16 * 1024 ** 2, `${read} bytes were read`)
})
