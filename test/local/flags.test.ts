import t from 'tap'
import { UsageError } from '../../services/local/errors.ts'
import { parseAwsFlags, parseStartFlags } from '../../services/local/flags.ts'

t.test('the flags of the embedded AWS become its settings', async t => {
  const args = ['--host', '0.0.0.0', '--s3-port', '4566', '--dynamodb-port=8000', '--kinesis-port', '4567']
  args.push('--cognito-port', '9229', '--data', 'd', '--issuer-origin', 'http://aws:9229', '--health-port', '9000')
  args.push('--cors-origins', 'https://app.example, http://localhost:*')
  t.strictSame(parseAwsFlags(args), {
    help: false,
    healthPort: 9000,
    settings: {
      host: '0.0.0.0',
      ports: { s3: 4566, dynamodb: 8000, kinesis: 4567, cognito: 9229 },
      dataDir: 'd',
      issuerOrigin: 'http://aws:9229',
      corsOrigins: ['https://app.example', 'http://localhost:*'],
    },
  })
})

t.test('settings have no key for a flag that is not given', async t => {
  t.strictSame(parseAwsFlags([]), { help: false, settings: { ports: {} } })
  t.strictSame(parseStartFlags([], {}), { help: false, once: false, verbose: false, watch: false })
})

t.test('the flags of npm start become its settings', async t => {
  t.strictSame(parseStartFlags(['--once', '--verbose', '--port', '0', '--data', '/tmp/x']), {
    help: false,
    once: true,
    verbose: true,
    watch: false,
    port: 0,
    dataDir: '/tmp/x',
  })
})

t.test('--help overrides all other flags', async t => {
  t.strictSame(parseAwsFlags(['--help', '--s3-port', 'x']), { help: true })
  t.strictSame(parseStartFlags(['--once', '--help']), { help: true })
})

t.test('an unknown flag is named in the error, which says how to list the known flags', async t => {
  for (const parse of [parseAwsFlags, parseStartFlags]) {
    t.throws(() => parse(['--frob']), {
      name: 'UsageError',
      message: /^Unknown option '--frob'\. See: (npm start --|node .*aws\.ts) --help$/,
    })
    t.throws(() => parse(['frob']), { name: 'UsageError', message: /'frob'/ })
  }
})

t.test('a flag without a value is an error', async t => {
  t.throws(() => parseStartFlags(['--port']), { name: 'UsageError', message: /--port/ })
  t.throws(() => parseStartFlags(['--port', '--once']), { name: 'UsageError', message: /--port/ })
  t.throws(() => parseStartFlags(['--data', '']), { name: 'UsageError', message: /--data must not be empty/ })
})

t.test('rejects an invalid port', async t => {
  for (const value of ['65536', '-1', '1.5', 'http', '', ' 80', '0x50', '100000']) {
    t.throws(() => parseStartFlags([`--port=${value}`]), UsageError, `--port=${value}`)
    t.throws(() => parseAwsFlags([`--kinesis-port=${value}`]), { message: /--kinesis-port must be a port/ })
  }
})

t.test('an empty list of CORS origins allows no pages, and rejects an entry that is no origin', async t => {
  t.match(parseAwsFlags(['--cors-origins', '']), { settings: { corsOrigins: [] } })
  t.throws(() => parseAwsFlags(['--cors-origins', 'app.example']), {
    name: 'UsageError',
    message: /^--cors-origins must be origins .*app\.example$/,
  })
})

t.test('rejects an issuer origin that is not an origin', async t => {
  for (const value of ['aws:9229', 'http://aws:9229/', 'http://aws/pool', 'ftp://aws', 'http://', '']) {
    t.throws(() => parseAwsFlags(['--issuer-origin', value]), { message: /--issuer-origin must be an origin/ }, value)
  }
})

t.test('watches the transforms if there are any, unless --no-watch or --once is given', async t => {
  const isWatching = (args: string[], env: NodeJS.ProcessEnv) =>
    (parseStartFlags(args, env) as { watch: boolean }).watch
  const env = { TRANSFORMS: 'transforms.json' }
  t.equal(isWatching([], env), true)
  t.equal(isWatching(['--watch'], env), true)
  t.equal(isWatching(['--no-watch'], env), false)
  t.equal(isWatching(['--once'], env), false)
  t.equal(isWatching([], { TRANSFORMS: ' ' }), false)
  t.throws(() => parseStartFlags(['--watch'], {}), { name: 'UsageError', message: /--watch needs .*TRANSFORMS/ })
  for (const other of ['--no-watch', '--once']) {
    t.throws(() => parseStartFlags(['--watch', other], env), { name: 'UsageError', message: /exclude each other/ })
  }
})
