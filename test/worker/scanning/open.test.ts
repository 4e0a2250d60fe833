import { S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { clamdAddressOf } from '../../../services/platform/config/scanner.ts'
import { workerConfigSchema } from '../../../services/platform/config/worker.ts'
import { checkScanner, openScanner } from '../../../services/worker/scanning/open.ts'
import { createMemoryLog } from '../memory-log.ts'
import { startClamdDouble } from './clamd-server.ts'

const required = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads-1', PROCESSED_BUCKET: 'processed-1' }
const { log, lines } = createMemoryLog()
const s3 = new S3Client({ region: 'us-east-1' })
const open = (env: Record<string, string>) =>
  openScanner({ config: loadConfig(workerConfigSchema, { ...required, ...env }), s3, log })

t.test('reads the address of clamd by TCP, also by IPv6, and by a socket', async t => {
  t.strictSame(clamdAddressOf('tcp://clamd.internal:3310'), { host: 'clamd.internal', port: 3310 })
  t.strictSame(clamdAddressOf('tcp://[::1]:3310'), { host: '::1', port: 3310 })
  t.strictSame(clamdAddressOf('unix:///run/clamav/clamd.ctl'), { path: '/run/clamav/clamd.ctl' })
})

t.test('refuses other addresses of clamd', async t => {
  const wrong = [
    'clamd:3310',
    'tcp://clamd',
    'tcp://clamd:3310/x',
    'tcp://u:p@clamd:3310',
    'http://clamd:3310',
    'unix://run/x',
  ]
  for (const CLAMD_URL of [...wrong, 'unix:///', 'tcp://clamd:99999', '/run/clamd.ctl']) {
    t.throws(
      () => loadConfig(workerConfigSchema, { ...required, CLAMD_URL }),
      { message: /CLAMD_URL: must be a URL/ },
      CLAMD_URL,
    )
  }
})

t.test('without SCANNER nothing is scanned, and clamd needs an address', async t => {
  t.equal(await open({}), undefined)
  t.equal(await open({ CLAMD_URL: 'tcp://127.0.0.1:3310' }), undefined)
  await t.rejects(open({ SCANNER: 'clamd' }), { message: /CLAMD_URL: is required with SCANNER=clamd/ })
  t.throws(() => loadConfig(workerConfigSchema, { ...required, SCANNER: 'clam' }), {
    message: /SCANNER: must be one of none, clamd/,
  })
})

t.test('a scanner that does not answer at the start is a warning', async t => {
  const double = await startClamdDouble(t)
  const scanner = await open({ SCANNER: 'clamd', CLAMD_URL: double.url })
  await checkScanner(scanner, log)
  t.strictSame(lines, [])
  await double.stop()
  await checkScanner(scanner, log)
  t.match(lines, [{ level: 'warn', msg: 'the scanner does not answer: uploads wait until it does' }])
  await checkScanner(undefined, log)
  t.equal(lines.length, 1)
})
