import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import type { Output } from '../../output.ts'
import { CALLBACK_URL, signInByBrowser } from '../../session/browser-sign-in.ts'
import { type AppClient, signInByPassword } from '../../session/cognito.ts'
import { profileName, untilSignal } from '../../session/connect.ts'
import { apiUrlOf, discover } from '../../session/discover.ts'
import {
  checkProfileName,
  configDir,
  readProfile,
  useProfile,
  writeProfile,
  writeTokens,
} from '../../session/profiles.ts'
import { processTerminal } from '../../terminal.ts'

export const login = defineCommand({
  name: 'login',
  group: 'account',
  summary: 'sign in to a deployment, and remember it',
  operands: '[URL]',
  details: `URL is the api's, such as https://abc123.execute-api.us-east-1.amazonaws.com. It is needed only the first time. Asks for the user
name and the password, unless HEADGATE_USERNAME and HEADGATE_PASSWORD are set. The password is never stored. With --web, a browser opens the
sign-in page of the user pool instead.

The tokens are stored in the settings folder of this user, in files that only this user can read. To store nothing, do not sign
in: set API_URL and API_TOKEN instead.`,
  options: {
    profile: {
      type: 'string',
      short: 'p',
      value: 'PROFILE',
      description:
        'the name under which the deployment is remembered (default: the host of the URL, or the last sign-in)',
    },
    web: { type: 'boolean', description: `sign in on the web page of the user pool, which returns to ${CALLBACK_URL}` },
    username: {
      type: 'string',
      short: 'u',
      value: 'NAME',
      description: 'the user name (default: HEADGATE_USERNAME, or asks)',
    },
    'client-id': {
      type: 'string',
      value: 'ID',
      description: 'the app client of the user pool (default: the one that the deployment names)',
    },
  },
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const dir = configDir(env)
    const { name, url } = await deploymentOf(dir, operands, options.profile, env)
    const client = await discover(url)
    const profile = { url, issuer: client.issuer, clientId: options['client-id'] ?? client.clientId }
    const { username, ...tokens } = options.web
      ? await inBrowser(profile, output)
      : await withPassword(profile, options.username, env)
    await writeProfile(dir, name, { ...profile, username })
    await writeTokens(dir, name, tokens)
    await useProfile(dir, name)
    output.item({ profile: name, url, username }, `Signed in to ${url} as ${username}. The profile is '${name}'.`)
    return undefined
  },
})

async function withPassword(profile: AppClient, name: string | undefined, env: NodeJS.ProcessEnv) {
  const terminal = processTerminal()
  const username = name ?? (env.HEADGATE_USERNAME || (await terminal.ask('User name: ')))
  const password = env.HEADGATE_PASSWORD || (await terminal.ask('Password: ', { isHidden: true }))
  if (!username || !password) {
    throw new UsageError('The sign-in needs a terminal, or HEADGATE_USERNAME and HEADGATE_PASSWORD.')
  }
  return { ...(await signInByPassword(profile, { username, password }, terminal)), username }
}

async function inBrowser(profile: AppClient, output: Output) {
  return await untilSignal('Stopped. You are not signed in.', signal =>
    signInByBrowser(profile, {
      signal,
      show(url) {
        output.note(`Sign in on this page:\n\n${url}\n`)
        // Where there is no browser, the user opens the page on this machine by hand.
        import('open').then(({ default: open }) => open(url)).catch(() => undefined)
      },
    }),
  )
}

interface Deployment {
  name: string
  url: string
}

/** Returns the deployment of the command line: a new one by its URL, or the one of a profile. */
async function deploymentOf(
  dir: string,
  [text, ...more]: readonly string[],
  wanted: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Deployment> {
  if (more.length > 0) throw new UsageError(`Only one URL is possible, not also '${more[0]}'.`)
  if (text !== undefined) {
    const url = apiUrlOf(text)
    return { name: checkProfileName(wanted ?? new URL(url).hostname.replaceAll(/[^\w.-]/g, '')), url }
  }
  const name = await profileName(env, wanted)
  return { name, url: (await readProfile(dir, name)).url }
}
