import type { CommandLoaders } from '../command.ts'

/** All commands, in the order of the help. */
export const commands: CommandLoaders = {
  upload: async () => (await import('./uploads/upload.ts')).upload,
  ls: async () => (await import('./uploads/ls.ts')).ls,
  status: async () => (await import('./uploads/status.ts')).status,
  watch: async () => (await import('./uploads/watch.ts')).watch,
  get: async () => (await import('./uploads/get.ts')).get,
  rm: async () => (await import('./uploads/rm.ts')).rm,
  login: async () => (await import('./account/login.ts')).login,
  logout: async () => (await import('./account/logout.ts')).logout,
  whoami: async () => (await import('./account/whoami.ts')).whoami,
  'profile list': async () => (await import('./account/profile.ts')).listProfiles,
  'profile use': async () => (await import('./account/profile.ts')).switchProfile,
  'profile remove': async () => (await import('./account/profile.ts')).forgetProfile,
  doctor: async () => (await import('./doctor.ts')).doctor,
  leases: async () => (await import('./leases.ts')).leases,
  replay: async () => (await import('./replay.ts')).replay,
  tail: async () => (await import('./stream/tail.ts')).tail,
  put: async () => (await import('./stream/put.ts')).put,
  'dead-letters list': async () => (await import('./dead-letters/list.ts')).listDeadLetters,
  'dead-letters show': async () => (await import('./dead-letters/show.ts')).showDeadLetter,
  'dead-letters redrive': async () => (await import('./dead-letters/redrive.ts')).redriveDeadLetters,
  'dead-letters discard': async () => (await import('./dead-letters/discard.ts')).discardDeadLetters,
  local: async () => (await import('./local.ts')).local,
  completion: async () => (await import('./completion.ts')).completion,
  'completion-server': async () => (await import('./completion.ts')).completionServer,
}
