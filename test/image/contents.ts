import path from 'node:path'
import type { Test } from 'tap'
import { docker } from '../../bench/lambda/docker.ts'
import { entriesOf } from '../../image/entries.ts'

const MB = 1_000_000
/** The maximum size that the image may add to its base image. */
const MAX_BYTES = 80 * MB
const BASE = 'node:24-bookworm-slim'

/** Asserts what is in the image, and what is not. */
export async function holdToItsContents(t: Test, image: string): Promise<void> {
  const inspect = async (name: string, format: string) =>
    JSON.parse(await docker('inspect', '--format', `{{json ${format}}}`, name))
  const run = (...args: string[]) => docker('run', '--rm', ...args)
  /** Resolves to every file and folder of an image. */
  const listed = async (name: string) =>
    (await run('--user', '0', '--network', 'none', '--entrypoint', 'find', name, '/', '-xdev')).split('\n')
  const [all, ofBase] = [await listed(image), new Set(await listed(BASE))]
  const added = all.filter(file => !ofBase.has(file))

  t.test(`adds at most ${MAX_BYTES / MB} MB to its base`, async t => {
    const bytes = (await inspect(image, '.Size')) - (await inspect(BASE, '.Size'))
    t.comment(`it adds ${(bytes / MB).toFixed(1)} MB`)
    t.ok(bytes > 0 && bytes <= MAX_BYTES, `${bytes} bytes`)
  })

  t.test('has every entry, the packages that are not bundled, and the runtime client of Lambda', async t => {
    const { programs, handlers, processes, libraries } = entriesOf(path.resolve(import.meta.dirname, '../../services'))
    const there = [
      ...[...programs, ...handlers, ...processes, ...libraries].map(name => `/app/dist/services/${name}.js`),
      '/app/dist/services/lambda-start.js',
      '/app/node_modules/@fastify/swagger-ui/static/swagger-ui.css',
      '/lambda/node_modules/aws-lambda-ric/rapid-client.node',
      '/app/LICENSE',
    ]
    t.strictSame(
      there.filter(file => !added.includes(file)),
      [],
    )
  })

  t.test('has no compiler, no test, no source and no development tool', async t => {
    const names = /\/(?:gcc|g\+\+|cc|c\+\+|cmake|make|python3?|autoconf|node-gyp|tsc|tap|biome|esbuild)(?:-[\d.]+)?$/
    const unwanted = [
      names,
      /\.tsx?$/,
      /\.test\.[cm]?js$/,
      /\/tests?(?:\/|$)/,
      /\/(?:local|bench|cognito)(?:\/|$)/,
      /\.tar\.xz$/,
    ]
    t.strictSame(
      added.filter(file => unwanted.some(pattern => pattern.test(file))),
      [],
    )
  })

  t.test('has no secret in its files, its history or its environment', async t => {
    const files = /\/(?:\.npmrc|\.env[^/]*|\.netrc|\.git|\.aws|\.ssh|\.docker|[^/]+\.(?:pem|key))$/
    t.strictSame(
      added.filter(file => files.test(file)),
      [],
    )
    const history = (await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', image)).split('\n')
    const ofBase = (await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', BASE)).split('\n')
    const ours = history.slice(0, history.length - ofBase.length)
    t.ok(ours.length > 0)
    // An earlier stage leaves nothing in the history. A build argument or a secret of the last stage does.
    const secret = /\bARG\b|\|\d+ |secret|token|passw|credential|AKIA|_authToken/i
    t.strictSame(
      ours.filter(line => secret.test(line)),
      [],
    )
    const variables = (await inspect(image, '.Config.Env')).filter(
      (line: string) => !/^(?:PATH|NODE_ENV|NODE_OPTIONS|NODE_VERSION|YARN_VERSION|NODE_EXTRA_CA_CERTS)=/.test(line),
    )
    t.strictSame(variables, [])
  })

  t.test('runs as a user who cannot write to the image, on a read-only file system', async t => {
    t.equal(await inspect(image, '.Config.User'), 'node')
    const writable = await run('--entrypoint', 'find', image, '/app', '/lambda', '-writable', '-not', '-type', 'l')
    t.equal(writable, '')
    const headgate = [image, 'node', 'dist/services/cli/headgate.js', '--version']
    t.match(await run('--read-only', '--network', 'none', ...headgate), /^\d+\.\d+\.\d+$/)
  })
}
