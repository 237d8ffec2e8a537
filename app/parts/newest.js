// A new message goes to the top of the log and stays there while its reply grows, until the person scrolls.
const logs = new WeakMap()

export default function (component) {
  const { data } = component
  const log = document.querySelector(`.st-key-${data.log}`)
  if (!log || logs.get(log)?.message === data.message) return
  logs.get(log)?.end()
  const mine = { message: data.message, end: follow(log, data.message) }
  logs.set(log, mine)
}

function follow(log, message) {
  const box = scroller(log)
  const place = () => {
    const said = log.querySelector(`.st-key-${message}`)
    if (!box) return
    box.scrollTop = said ? box.scrollTop + said.getBoundingClientRect().top - box.getBoundingClientRect().top - 8 : box.scrollHeight
  }
  const grown = new ResizeObserver(place)
  const changed = new MutationObserver(place)
  const end = () => {
    grown.disconnect()
    changed.disconnect()
    for (const way of ["wheel", "touchmove", "pointerdown", "keydown"]) box?.removeEventListener(way, end)
  }
  grown.observe(log)
  changed.observe(log, { childList: true, subtree: true })
  for (const way of ["wheel", "touchmove", "pointerdown", "keydown"]) box?.addEventListener(way, end, { passive: true })
  place()
  return end
}

// The element that scrolls is the container itself or one around it.
function scroller(log) {
  for (let box = log; box && box !== document.body; box = box.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(box).overflowY)) return box
  }
  return null
}
