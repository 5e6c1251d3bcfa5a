"""What each shell evaluates once, so that Tab asks vggsweep.

Each asks ``vggsweep -sc query=SHELL`` with the line up to the cursor in COMP_LINE and reads a word a line.
Where there is none, it offers files.
"""

from __future__ import annotations

BASH = """\
_vggsweep() {
    local line="${COMP_LINE:0:$COMP_POINT}" word current strip=""
    current="${line##* }"
    # readline takes what stands behind = or : for a word of its own
    if [[ "$COMP_WORDBREAKS" == *=* && "$current" == *[=:]* ]]; then
        strip="${current%"${current##*[=:]}"}"
    fi
    COMPREPLY=()
    while IFS= read -r word; do
        [[ "$word" == *[=./] ]] || word="$word "
        COMPREPLY+=("${word#"$strip"}")
    done < <(COMP_LINE="$line" "${COMP_WORDS[0]/#\\~/$HOME}" -sc query=bash 2>/dev/null)
}
complete -o nospace -o bashdefault -o default -F _vggsweep vggsweep
"""
ZSH = """\
_vggsweep() {
    local -a open closed
    local word
    while IFS= read -r word; do
        if [[ "$word" == *[=./] ]]; then open+=("$word"); else closed+=("$word"); fi
    done < <(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" "${~words[1]}" -sc query=zsh 2>/dev/null)
    (( $#open )) && compadd -S '' -- "${open[@]}"
    (( $#closed )) && compadd -- "${closed[@]}"
    if (( $#open + $#closed == 0 )); then compset -P '*='; _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _vggsweep vggsweep
"""
FISH = """\
function __vggsweep
    set -lx COMP_LINE (commandline -cp)
    set -l typed (commandline -opc)
    set -g __vggsweep_words (eval $typed[1] -sc query=fish 2>/dev/null)
    test -n "$__vggsweep_words"
end
complete -c vggsweep -e
complete -c vggsweep -n __vggsweep -f -a '$__vggsweep_words'
"""
INSTALL = {"bash": BASH, "zsh": ZSH, "fish": FISH}
UNINSTALL = {
    "bash": "complete -r vggsweep; unset -f _vggsweep\n",
    "zsh": "compdef -d vggsweep; unfunction _vggsweep\n",
    "fish": "complete -c vggsweep -e; functions -e __vggsweep; set -e __vggsweep_words\n",
}
COMMANDS = {
    "bash": 'eval "$(vggsweep -sc install=bash)"',
    "zsh": 'eval "$(vggsweep -sc install=zsh)"',
    "fish": "vggsweep -sc install=fish | source",
}
