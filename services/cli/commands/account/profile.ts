import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { defaultProfile } from '../../session/connect.ts'
import {
  configDir,
  type Profile,
  profileNames,
  readProfile,
  readTokens,
  removeProfile,
  useProfile,
} from '../../session/profiles.ts'

interface Row extends Pick<Profile, 'url'> {
  profile: string
  username: string | null
  signedIn: boolean
  current: boolean
}

export const listProfiles = defineCommand({
  name: 'profile list',
  group: 'account',
  summary: 'list the deployments that this machine knows',
  details: '`npm start` writes the profile `local`. Commands use it if there is no sign-in.',
  options: {},
  config: Type.Object({}),
  async run({ env, output }) {
    const dir = configDir(env)
    const names = await profileNames(dir)
    const current = await defaultProfile(env)
    const rows = await Promise.all(
      names.map(async (name): Promise<Row> => {
        const { url, username = null, password } = await readProfile(dir, name)
        const tokens = await readTokens(dir, name)
        return {
          profile: name,
          url,
          username,
          signedIn: password !== undefined || tokens !== undefined,
          current: name === current,
        }
      }),
    )
    output.table(rows, [
      { title: '', cell: row => (row.current ? '*' : ' ') },
      { title: 'PROFILE', cell: row => row.profile },
      { title: 'USER', cell: row => row.username ?? '-' },
      { title: 'SIGNED IN', cell: row => (row.signedIn ? 'yes' : 'no') },
      { title: 'API', cell: row => row.url },
    ])
    if (rows.length === 0) output.note('There are no profiles yet. Sign in to a deployment: headgate login URL')
    return undefined
  },
})

export const switchProfile = defineCommand({
  name: 'profile use',
  group: 'account',
  summary: 'choose the profile for commands without --profile',
  operands: 'PROFILE',
  options: {},
  config: Type.Object({}),
  async run({ operands, env, output }) {
    const dir = configDir(env)
    const name = oneName(operands)
    const { url } = await readProfile(dir, name)
    await useProfile(dir, name)
    output.item({ profile: name, url }, `Commands use the profile '${name}' now: ${url}`)
    return undefined
  },
})

export const forgetProfile = defineCommand({
  name: 'profile remove',
  group: 'account',
  summary: 'remove a profile with its tokens from this machine',
  operands: 'PROFILE',
  options: {},
  config: Type.Object({}),
  async run({ operands, env, output }) {
    const dir = configDir(env)
    const name = oneName(operands)
    await readProfile(dir, name)
    await removeProfile(dir, name)
    output.item({ profile: name }, `Removed the profile '${name}'.`)
    return undefined
  },
})

function oneName([name, ...more]: readonly string[]): string {
  if (name === undefined || more.length > 0)
    throw new UsageError('Name one profile. `headgate profile list` shows them.')
  return name
}
