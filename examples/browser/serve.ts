/** Serves the page of this folder at its own origin: `npx node examples/browser/serve.ts [PORT]`. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'

const here = (name: string) => new URL(name, import.meta.url)
const { resolve } = createRequire(import.meta.url)

const UPPY = `
  export { default as Uppy } from '@uppy/core'
  export { default as Dashboard } from '@uppy/dashboard'
  export { default as Tus } from '@uppy/tus'`

/** A library in one file, as its CDN has it. The page itself has no build step. */
async function bundle(contents: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}

async function styles(): Promise<string> {
  const files = ['@uppy/core/css/style.min.css', '@uppy/dashboard/css/style.min.css'].map(name => resolve(name))
  return (await Promise.all(files.map(file => readFile(file, 'utf8')))).join('\n')
}

const files: Readonly<Record<string, { type: string; read(): Promise<string | Uint8Array> }>> = {
  '/': { type: 'text/html', read: () => readFile(here('index.html')) },
  '/page.js': { type: 'text/javascript', read: () => readFile(here('page.js')) },
  '/headgate.js': { type: 'text/javascript', read: () => readFile(here('headgate.js')) },
  '/uppy.js': { type: 'text/javascript', read: () => bundle(UPPY) },
  '/oidc-client-ts.js': { type: 'text/javascript', read: () => bundle("export * from 'oidc-client-ts'") },
  '/uppy.css': { type: 'text/css', read: styles },
}

const server = createServer(async ({ url = '/' }, response) => {
  const file = files[url.split('?')[0] ?? '/']
  if (!file) {
    response.writeHead(404).end()
    return
  }
  try {
    const body = await file.read()
    response.writeHead(200, { 'content-type': `${file.type}; charset=utf-8` }).end(body)
  } catch (error) {
    process.stderr.write(`${url}: ${error}\n`)
    response.writeHead(500).end()
  }
})
server.once('error', (error: NodeJS.ErrnoException) => {
  const isUsed = error.code === 'EADDRINUSE'
  process.stderr.write(isUsed ? 'The port is in use. Name another one: serve.ts PORT\n' : `${error.message}\n`)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`http://127.0.0.1:${port}/\n`)
})
