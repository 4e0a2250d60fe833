/**
 * Generates services/client/openapi.ts, the types of @headgate/client, from the OpenAPI document of the api: `npm run client:types`. The tools
 * are installed into a temporary folder, because openapi-typescript needs another TypeScript than the repository.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { buildApp } from '../../services/api/app.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { run } from '../support/pack.ts'
import { install } from './install.ts'

/** The committed file. */
export const TYPES_FILE = path.resolve(import.meta.dirname, '../../services/client/openapi.ts')

/** The tools, in versions that write the same file every time. */
const TOOLS = ['openapi-typescript@7.13.0', 'typescript@5.9.3']

const HEADER = '// Generated from the OpenAPI document of the api by `npm run client:types`. Do not edit.\n\n'

/** Resolves to the types, or to undefined if npm reaches no registry to install the tools from. */
export async function generateTypes(): Promise<string | undefined> {
  const tools = mkdtempSync(path.join(tmpdir(), 'headgate-openapi-'))
  try {
    writeFileSync(path.join(tools, 'package.json'), '{ "private": true }')
    if (!(await install(tools, TOOLS))) return undefined
    const [document, types] = ['openapi.json', 'openapi.ts'].map(name => path.join(tools, name)) as [string, string]
    writeFileSync(document, JSON.stringify(await readDocument()))
    const generator = path.join(tools, 'node_modules/openapi-typescript/bin/cli.js')
    await run(process.execPath, [generator, document, '--output', types], { cwd: tools })
    return HEADER + readFileSync(types, 'utf8')
  } finally {
    rmSync(tools, { recursive: true, force: true })
  }
}

/** Returns the OpenAPI document. The api starts without AWS, because it opens its services for the first request. */
async function readDocument(): Promise<object> {
  const required = {
    AWS_REGION: 'us-east-1',
    UPLOAD_BUCKET: 'uploads',
    COGNITO_USER_POOL_ID: 'x',
    COGNITO_CLIENT_ID: 'x',
  }
  const app = await buildApp({
    config: loadConfig(apiConfigSchema, required),
    services: () => Promise.reject(new Error('The document needs no services.')),
    logger: pino({ level: 'silent' }),
  })
  try {
    // The version of the package would change the file with every release.
    const document = await app.openapi()
    return { ...document, info: { ...document.info, version: '0' } }
  } finally {
    await app.close()
  }
}

if (import.meta.main) {
  const types = await generateTypes()
  if (types === undefined) {
    process.stderr.write('npm reaches no package registry, and its cache lacks openapi-typescript.\n')
    process.exitCode = 1
  } else writeFileSync(TYPES_FILE, types)
}
