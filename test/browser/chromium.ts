import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Where systems install Chromium, or Chrome, which serves as well. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const PACKAGE: string = 'playwright-core'

/** The part of playwright-core that the tests use. */
export interface Page {
  goto(url: string): Promise<unknown>
  /** Runs an expression in the page, and resolves to its value or the value of its promise. */
  evaluate<T>(expression: string): Promise<T>
  waitForEvent(event: 'download'): Promise<{ suggestedFilename(): string }>
  on(event: 'pageerror', listener: (error: Error) => void): void
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void
  emulateMedia(settings: { colorScheme: 'light' | 'dark' }): Promise<void>
  /** Only what throttles the network. */
  context(): { newCDPSession(page: Page): Promise<{ send(method: string, settings: object): Promise<unknown> }> }
  close(): Promise<void>
  reload(): Promise<unknown>
  setViewportSize(size: { width: number; height: number }): Promise<void>
  screenshot(settings: { path: string }): Promise<unknown>
  selectOption(selector: string, value: string): Promise<unknown>
  keyboard: { press(key: string): Promise<void> }
  /** @param file its contents, or the path of a file on the disk */
  setInputFiles(selector: string, file: string | { name: string; mimeType: string; buffer: Buffer }): Promise<void>
  click(selector: string): Promise<void>
  fill(selector: string, text: string): Promise<void>
  waitForSelector(
    selector: string,
    options?: { state?: 'attached' | 'visible' | 'hidden'; timeout?: number },
  ): Promise<{ textContent(): Promise<string | null> } | null>
}

export interface Browser {
  /** Opens a page in a profile of its own. */
  newPage(): Promise<Page>
  /** Creates a profile. Its pages are the tabs of one browser. */
  newContext(): Promise<{ newPage(): Promise<Page> }>
  close(): Promise<void>
}

interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> }
}

/** Returns why the tests in a browser can't run here, or false if they can. It is the `skip` of a test. */
export function whyNoChromium(): string | false {
  if (program() === undefined) return 'chromium is not installed'
  try {
    import.meta.resolve(PACKAGE)
    return false
  } catch {
    return 'playwright-core is not installed: run npm ci'
  }
}

function program(): string | undefined {
  return PROGRAMS.find(file => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Starts Chromium for the duration of the test. */
export async function startChromium(t: Pick<Test, 'teardown'>): Promise<Browser> {
  const { chromium } = (await import(PACKAGE)) as Playwright
  // As root, which a container often is, Chromium does not start with its sandbox. It visits only pages of the tests.
  const browser = await chromium.launch({ executablePath: program() ?? '', args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  return browser
}

/** Serves files by path at an origin of its own, for the duration of the test. */
export async function startPages(
  t: Pick<Test, 'teardown'>,
  files: Readonly<Record<string, { type: string; body: string | Uint8Array }>>,
  host = '127.0.0.1',
): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const file = files[url.split('?')[0] ?? '/']
    if (!file) return response.writeHead(url === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(
    () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://${host}:${(server.address() as AddressInfo).port}`
}
